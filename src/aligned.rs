//! The steps of all cells of a case side by side: what is the same step of the file is one step for a reader, whatever
//! the rows make of it.

use sockspec_harness::case::answers::{CellAnswers, StepAnswers};

use crate::rows::{Variant, variants};

/// A step of the case, in all its cells.
pub struct AlignedStep<'a> {
    cells: &'a [CellAnswers],
    /// What it is in each cell; none where it is left out there.
    steps: Vec<Option<&'a StepAnswers>>,
}

/// Where a step stands, what it does, and how many like it are before it: a step of the file can be several of a cell,
/// and its socket is one that a row names.
type Key<'a> = (&'a str, usize, &'static str, usize);

impl<'a> AlignedStep<'a> {
    /// What the step is in each cell in which it is carried out.
    pub fn each(&self) -> impl Iterator<Item = &'a StepAnswers> {
        self.steps.iter().filter_map(|step| *step)
    }

    /// The step in words, as one text for all cells in which it is of that kind: `shutdown client, how read | write`.
    pub fn text(&self, of_kind: impl Fn(&StepAnswers) -> bool) -> String {
        let mut texts: Vec<&str> = Vec::new();
        for step in self.each().filter(|step| of_kind(step)) {
            if !texts.contains(&step.text.as_str()) {
                texts.push(&step.text);
            }
        }
        alternatives(&texts)
    }

    /// The different values of something, with the rows in which it is so.
    pub fn variants<T: PartialEq + Clone>(
        &self,
        value: impl Fn(&StepAnswers) -> Option<T>,
    ) -> Vec<Variant<T>> {
        let steps = self.steps.iter().map(|step| step.and_then(&value));
        let cells: Vec<_> = self.cells.iter().map(|cell| &cell.axes).zip(steps).collect();
        variants(&cells)
    }
}

/// The steps of cells, in the order in which a reader meets them.
#[must_use]
pub fn align(cells: &[CellAnswers]) -> Vec<AlignedStep<'_>> {
    let mut order: Vec<Key<'_>> = Vec::new();
    let mut keyed: Vec<Vec<(Key<'_>, &StepAnswers)>> = Vec::new();
    for cell in cells {
        let mut of_cell: Vec<(Key<'_>, &StepAnswers)> = Vec::new();
        let mut next = 0;
        for step in &cell.steps {
            let key = key(step, &of_cell);
            match order.iter().position(|known| *known == key) {
                Some(at) => next = at + 1,
                None => {
                    order.insert(next, key);
                    next += 1;
                }
            }
            of_cell.push((key, step));
        }
        keyed.push(of_cell);
    }
    let in_cell = |key: &Key<'_>, cell: &Vec<(Key<'_>, &'_ StepAnswers)>| {
        cell.iter().position(|(known, _)| known == key)
    };
    order
        .iter()
        .map(|key| AlignedStep {
            cells,
            steps: keyed.iter().map(|cell| in_cell(key, cell).map(|at| cell[at].1)).collect(),
        })
        .collect()
}

fn key<'a>(step: &'a StepAnswers, before: &[(Key<'a>, &StepAnswers)]) -> Key<'a> {
    let place = &step.step.place;
    let (file, at) = (place.source.path.as_str(), place.span.start);
    let verb = step.step.verb.name;
    let same = |(key, _): &&(Key<'a>, &StepAnswers)| (key.0, key.1, key.2) == (file, at, verb);
    (file, at, verb, before.iter().filter(same).count())
}

/// Texts as one, with what differs in the place where it does.
fn alternatives(texts: &[&str]) -> String {
    let texts: Vec<Vec<&str>> = texts.iter().map(|text| text.split(' ').collect()).collect();
    let columns = each_word(&texts);
    let combinations: usize = columns.iter().map(Vec::len).product();
    if !columns.is_empty() && combinations == texts.len() {
        return columns.iter().map(|words| one_of(words)).collect::<Vec<_>>().join(" ");
    }
    let Some((first, others)) = texts.split_first() else { return String::new() };
    let shortest = texts.iter().map(Vec::len).min().unwrap_or_default();
    let same = |at: &usize| others.iter().all(|other| other[*at] == first[*at]);
    let same_from_end =
        |at: &usize| others.iter().all(|other| other[other.len() - 1 - at] == first[first.len() - 1 - at]);
    let before = (0..shortest).take_while(same).count();
    let after = (0..shortest - before).take_while(same_from_end).count();
    let middles: Vec<_> = texts.iter().map(|words| words[before..words.len() - after].join(" ")).collect();
    let parts = [first[..before].join(" "), middles.join(" | "), first[first.len() - after..].join(" ")];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The different words at each place; none where the texts are not equally long.
fn each_word<'t>(texts: &[Vec<&'t str>]) -> Vec<Vec<&'t str>> {
    let Some(first) = texts.first().filter(|first| texts.iter().all(|text| text.len() == first.len())) else {
        return Vec::new();
    };
    let at = |place: usize| {
        let mut words: Vec<&str> = Vec::new();
        for word in texts.iter().map(|text| text[place]) {
            if !words.contains(&word) {
                words.push(word);
            }
        }
        words
    };
    (0..first.len()).map(at).collect()
}

/// `client | server,` of `client,` and `server,`.
fn one_of(words: &[&str]) -> String {
    match words.iter().map(|word| word.strip_suffix(',')).collect::<Option<Vec<_>>>() {
        Some(words) => format!("{},", words.join(" | ")),
        None => words.join(" | "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_told_once_but_for_what_differs() {
        for (texts, told) in [
            (&["close a"] as &[&str], "close a"),
            (&["shutdown a, how read", "shutdown a, how both"], "shutdown a, how read | both"),
            (&["send client \"x\"", "send server \"x\""], "send client | server \"x\""),
            (&["at a, x", "at a, y", "at b, x", "at b, y"], "at a | b, x | y"),
            (&["at a, x", "at b, y"], "at a, x | b, y"),
            (&["a", "b c"], "a | b c"),
            (&[], ""),
        ] {
            assert_eq!(alternatives(texts), told);
        }
    }
}
