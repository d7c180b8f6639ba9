//! Patterns of `*` and `?`, for filters and deviations.

/// Whether the whole text matches a pattern of `*` (any characters) and `?` (one). Linear but for one restart point,
/// so that no pattern takes exponential time.
#[must_use]
pub fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut restart = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                restart = Some((p, t));
                p += 1;
            }
            Some(&c) if c == '?' || c == text[t] => {
                p += 1;
                t += 1;
            }
            _ => {
                let Some((star, from)) = restart else { return false };
                restart = Some((star, from + 1));
                p = star + 1;
                t = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}
