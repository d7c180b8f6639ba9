//! sockspec's harness: from a YAML case to a verdict.
//!
//! Data flows one way: a [`case`] is expanded into trials for the hosts at hand, [`run`] carries a trial out and
//! writes a [`record`], [`judge`] holds the record against the trial. Nothing points backwards.

pub mod case;
pub mod glob;
pub mod host;
pub mod judge;
pub mod nearest;
pub mod observe;
pub mod outcome;
pub mod platform;
pub mod record;
pub mod results;
pub mod run;
pub mod wire;
