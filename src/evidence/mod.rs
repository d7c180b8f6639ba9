//! Evidence: what each platform did when it was really run, as it is kept in `reports/observed/`.
//!
//! [`observed`] is the format and its files, [`distil`] makes it from the results of a run, [`merge`]
//! from several, [`compare`] finds what two of
//! them have not in common, [`accept`] what cases would have to say. How the suite runs is not known here, nor how a table looks.

pub mod accept;
pub mod compare;
pub mod distil;
pub mod mark;
pub mod merge;
pub mod observed;
pub mod read;
pub mod rows;
