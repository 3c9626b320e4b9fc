//! What people read: advice, and the command lines that repeat what was measured.

pub mod advice;
pub mod command;
