//! How a node wants to be spoken to.
