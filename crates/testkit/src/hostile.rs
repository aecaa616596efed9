//! Input that must not hurt: what a parser or an endpoint refuses without a panic, without slowing
//! down and without holding it all.

/// Names that no object may bear: empty, too long (10 kB), with control characters, path steps,
/// line ends, or characters that only look like a name's.
pub fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "",
        " ",
        "\0",
        "a\0b",
        "a\nb",
        "a\r\nX-Injected: 1",
        "\u{1b}[31m",
        "\u{7f}",
        "..",
        "../../etc",
        "a/b",
        "%2e%2e",
        "\u{202e}web",
        "\u{fffd}",
    ]
    .map(str::to_owned)
    .to_vec();
    names.push("a".repeat(10 * 1024));
    names
}

/// `open` repeated `depth` times and closed again by `close`: `nested("[", "]", 3)` is `[[[]]]`.
///
/// Readers that recurse without a limit overflow their stack from a depth of some ten thousand.
pub fn nested(open: &str, close: &str, depth: usize) -> String {
    open.repeat(depth) + &close.repeat(depth)
}

/// Port numbers outside 1 to 65,535, as they may stand in JSON or HCL.
pub const PORTS: [i64; 5] = [0, -1, 65_536, i64::MIN, i64::MAX];

/// Every proper prefix of `text`, cut at character boundaries: what a peer has sent so far when it
/// goes away.
pub fn prefixes(text: &str) -> impl Iterator<Item = &str> {
    text.char_indices().map(|(at, _)| &text[..at])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nesting_closes_what_it_opens() {
        assert_eq!(nested("{\"a\":", "}", 2), "{\"a\":{\"a\":}}");
    }

    #[test]
    fn prefixes_respect_characters() {
        assert_eq!(prefixes("aé!").collect::<Vec<_>>(), ["", "a", "aé"]);
    }

    #[test]
    fn one_name_is_longer_than_any_limit() {
        assert!(names().iter().any(|name| name.len() >= 10 * 1024));
    }
}
