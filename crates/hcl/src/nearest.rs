//! "Did you mean": the known name that an unknown one was probably meant to be.

/// Names longer than this are nobody's misspelling.
const LONGEST: usize = 64;

/// The candidate that is written most alike, if one is alike enough. Case and underscores don't count.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let name = plain(name);
    let limit = (name.len() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(&name, &plain(candidate)), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Whether two spellings mean one field: ASCII case and underscores aside, they are equal.
pub(crate) fn same_field(one: &str, other: &str) -> bool {
    plain_bytes(one).eq(plain_bytes(other))
}

fn plain_bytes(name: &str) -> impl Iterator<Item = u8> + '_ {
    name.bytes()
        .filter(|byte| *byte != b'_')
        .map(|byte| byte.to_ascii_lowercase())
}

fn plain(name: &str) -> Vec<u8> {
    plain_bytes(name).collect()
}

/// Insertions, deletions, replacements and swaps of neighbours that lead from one to the other.
fn distance(from: &[u8], to: &[u8]) -> usize {
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (i, a) in from.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, b) in to.iter().enumerate() {
            let mut best = (last[j] + usize::from(a != b))
                .min(last[j + 1] + 1)
                .min(row[j] + 1);
            if i > 0 && j > 0 && *a == to[j - 1] && from[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[to.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest, same_field};

    #[test]
    fn slips_of_one_letter_are_recognised() {
        let known = ["LocalBindPort", "LocalBindAddress", "DestinationName"];
        assert_eq!(nearest("local_bind_prot", known), Some("LocalBindPort"));
        assert_eq!(nearest("localbindadress", known), Some("LocalBindAddress"));
        assert_eq!(nearest("Datacenter", known), None);
        assert_eq!(nearest(&"x".repeat(10_000), known), None);
    }

    #[test]
    fn a_swap_of_neighbours_is_one_slip() {
        assert_eq!(distance(b"port", b"prot"), 1);
        assert_eq!(distance(b"", b"abc"), 3);
        assert_eq!(distance(b"kitten", b"sitting"), 3);
    }

    #[test]
    fn case_and_underscores_do_not_make_another_field() {
        assert!(same_field("UpstreamConfig", "upstream_config"));
        assert!(same_field("upstreamconfig", "UpstreamConfig"));
        assert!(!same_field("upstream-config", "UpstreamConfig"));
    }
}
