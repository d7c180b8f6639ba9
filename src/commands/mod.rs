//! The commands besides running the suite, one file each.

pub mod check;
pub mod coverage;
pub mod explain;
pub mod list;
pub mod merge;
pub mod platform;

#[cfg(test)]
mod sample;
