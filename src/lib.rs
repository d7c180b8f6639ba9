//! The command `sockspec`: its arguments, what runs the trials, and the writers of reports.
//!
//! What a trial is and what is said of it is in `sockspec-harness`. This is a library so that the binary and the test
//! target `tests/suite.rs` are two thin fronts of the same thing.

pub mod aligned;
pub mod app;
pub mod captures;
pub mod cases;
pub mod cli;
pub mod commands;
pub mod error;
pub mod evidence;
pub mod exit;
pub mod jobs;
pub mod journal;
pub mod matrix;
pub mod output;
pub mod report;
pub mod rows;
pub mod runner;
pub mod select;
pub mod suite;
