//! The case language: from the text of a YAML file to the trials of a platform.
//!
//! `source` and `diagnostic` are about places and what is wrong there; `yaml` reads; `model` is a case as it is
//! written; `verbs` is the table of verbs, `via` the calls that they are made by; `matrix`, `step`, `expected` and
//! `address` read the parts, `sourced` and `option_value` find fault with them; `expand` makes trials of it, and finds
//! what is wrong on the way; `answers` is what it says about every platform; `suite` is about all files together.

pub mod address;
pub mod answers;
pub mod args;
pub mod diagnostic;
pub mod expand;
pub mod expected;
pub mod matrix;
pub mod model;
pub(crate) mod option_value;
pub mod read;
pub mod reference;
pub mod schema;
pub mod segment;
pub mod source;
mod sourced;
pub mod step;
pub mod suite;
pub mod trial;
pub mod verbs;
pub mod via;
pub mod yaml;
