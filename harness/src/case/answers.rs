//! What a case says about every platform: for each cell of its matrix and each step, the specification's answer and
//! those of the systems that differ. It is for readers; what a trial expects is chosen in `expand`.

use std::collections::{BTreeMap, BTreeSet};

use super::expected::{Expected, Layer, Want};
use super::step::Step;
use crate::platform::Os;
use crate::platform::selector::Selector;

/// A cell of a case's matrix.
#[derive(Clone, Debug)]
pub struct CellAnswers {
    /// The id of its trials.
    pub id: String,
    /// The row of each axis.
    pub axes: BTreeMap<String, String>,
    /// What must be there.
    pub needs: BTreeSet<String>,
    /// What it covers.
    pub covers: BTreeSet<String>,
    /// Its steps, setups and what is implied among them.
    pub steps: Vec<StepAnswers>,
}

/// A step, and what comes out of it.
#[derive(Clone, Debug)]
pub struct StepAnswers {
    /// What is done.
    pub step: Step,
    /// The step in words.
    pub text: String,
    /// What the specification asks for; it has no outcome where it leaves the choice.
    pub specification: Layer,
    /// What systems do instead, in the order of the case.
    pub systems: Vec<SystemAnswer>,
}

/// What the systems of a selector do instead.
#[derive(Clone, Debug, PartialEq)]
pub struct SystemAnswer {
    /// Which systems.
    pub selector: Selector,
    /// What they do, on top of what the specification says.
    pub layer: Layer,
}

impl StepAnswers {
    /// What is asked for by the specification, `None` where it leaves the choice or nothing is asked for.
    #[must_use]
    pub fn asked(&self) -> Option<&Expected> {
        self.specification.want.as_ref()
    }

    /// The systems of which nothing is said, so that they do what the specification asks for, or what nobody knows.
    pub fn others(&self) -> impl Iterator<Item = Os> {
        Os::ALL
            .into_iter()
            .filter(|os| self.systems.iter().all(|entry| entry.selector.systems().all(|it| it != *os)))
    }

    /// Whether the step asks for nothing but success, and so does every system.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        let only_ok = Layer { want: Some(Expected::just(Want::Ok)), ..Layer::default() };
        self.systems.is_empty() && (self.specification == only_ok || self.step.background.is_some())
    }
}
