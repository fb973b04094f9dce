//! What detectors find and what they leave, in tables and with properties.
