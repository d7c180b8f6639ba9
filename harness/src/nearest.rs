//! The nearest known word to a misspelt one, for every error message that can suggest something.

/// The candidate that the word was most likely meant to be; `None` if nothing is near enough to help.
///
/// Upper and lower case do not count. About one letter in three may be wrong, missing, added or swapped with its
/// neighbour; of equally near candidates the first wins.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted: Vec<char> = word.to_lowercase().chars().collect();
    let limit = wanted.len().div_ceil(3);
    candidates
        .into_iter()
        .map(|candidate| {
            (distance(&wanted, &candidate.to_lowercase().chars().collect::<Vec<_>>()), candidate)
        })
        .filter(|(distance, candidate)| *distance <= limit && *distance < candidate.chars().count())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// How many edits turn one word into the other: Levenshtein's, with a swap of neighbours as one edit.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i];
        for j in 1..=b.len() {
            let changed = usize::from(a[i - 1] != b[j - 1]);
            let mut edits = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + changed);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                edits = edits.min(before_last[j - 2] + 1);
            }
            row.push(edits);
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edits(a: &str, b: &str) -> usize {
        distance(&a.chars().collect::<Vec<_>>(), &b.chars().collect::<Vec<_>>())
    }

    #[test]
    fn edits_are_counted() {
        assert_eq!(edits("", ""), 0);
        assert_eq!(edits("", "abc"), 3);
        assert_eq!(edits("abc", ""), 3);
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(edits("bnid", "bind"), 1);
    }

    #[test]
    fn a_typing_error_finds_its_word() {
        let words = ["linux", "macos", "freebsd", "windows"];
        assert_eq!(nearest("lunix", words), Some("linux"));
        assert_eq!(nearest("Linux", words), Some("linux"));
        assert_eq!(nearest("frebsd", words), Some("freebsd"));
        assert_eq!(nearest("widnows", words), Some("windows"));
        assert_eq!(nearest("plan9", words), None);
        assert_eq!(nearest("", words), None);
    }

    #[test]
    fn a_short_word_is_not_replaced_by_just_any_other() {
        assert_eq!(nearest("x", ["a"]), None);
        assert_eq!(nearest("ok", ["eof"]), None);
    }
}
