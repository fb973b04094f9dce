//! Configuration: as written, then as usable.
