//! Runs the suite in other stacks on this machine: other kernels, kernels with a virtual clock, sandboxes.
//!
//! A stack is an *entry*, a YAML file: how to prepare it, how to start it, what it must prove to be. The program that
//! runs inside is this one, which carries the whole suite: `sockspec-lab suite` is `sockspec`, and `sockspec-lab init`
//! is the first process of a kernel that has nothing else. What a trial is, and what is said of it, is not known here.

pub mod app;
pub mod apt;
pub mod cache;
pub mod child;
pub mod cli;
pub mod entry;
pub mod error;
#[cfg(target_os = "linux")]
pub mod init;
pub mod job;
pub mod list;
pub mod outcome;
pub mod prepare;
pub mod run;
