//! What the tests of several crates share: golden files, and input that must not hurt.
//!
//! A crate uses it as a development dependency, from its `tests/` folder: a golden lies beside the
//! test that owns it and is rewritten by running that test with `UPDATE_GOLDEN=1`.
//!
//! Invariant: depends on no other crate of the workspace, so every one of them can use it.
//! Invariant: a test never writes a file unless `UPDATE_GOLDEN=1` asks for it.

pub mod golden;
pub mod hostile;
