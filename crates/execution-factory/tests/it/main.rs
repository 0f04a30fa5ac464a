//! The integration tests of the crate, in one binary.
//! Each module tests one part through its public face.

mod process;
mod workspace;
