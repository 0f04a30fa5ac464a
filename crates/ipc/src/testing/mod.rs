//! Ends for tests, over memory: streams that misbehave in a planned way, and pairs that shook hands.
//! Only behind the feature `testing`; nothing of it is used outside tests.

mod faulty;
mod pair;
mod silence;

pub use faulty::{Fault, FaultyReader, FaultyWriter};
pub use pair::{TestIo, TestPair, connect, memory_pair};
pub use silence::Silence;
