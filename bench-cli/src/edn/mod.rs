//! EDN, the notation in which Maelstrom writes `results.edn` and `history.edn`.
//!
//! [`read`] checks and normalises a text before it reaches `edn-rs`; [`write`] prints values as Maelstrom does.

pub mod read;
pub mod write;
