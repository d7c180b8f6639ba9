//! The commands besides running the suite, one file each.

pub mod accept;
pub mod check;
pub mod coverage;
pub mod diff;
pub mod explain;
pub mod list;
pub mod matrix;
pub mod merge;
pub mod platform;
pub mod record;

#[cfg(test)]
mod sample;
