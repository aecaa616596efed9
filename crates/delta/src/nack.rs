//! Reading a client's rejection.

/// Whether Envoy's words name this resource as one that it refused.
///
/// Envoy applies a response of listeners or clusters one by one and then lists the refused ones, as
/// `Error adding/updating listener(s) NAME: reason`, further ones on their own line, or after a comma
/// for clusters. Everything that such a list leaves out was applied.
pub(crate) fn names(reason: &str, name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    reason.match_indices(name).any(|(at, _)| {
        let (before, after) = (reason.get(..at), reason.get(at + name.len()..));
        after.is_some_and(|after| after.starts_with(": "))
            && before.is_some_and(|before| {
                ["(s) ", "\n", ", "]
                    .iter()
                    .any(|mark| before.ends_with(mark))
            })
    })
}

/// The first `limit` bytes, or fewer so that no character is cut.
pub(crate) fn shorten(reason: &str, limit: usize) -> &str {
    let mut end = limit.min(reason.len());
    while !reason.is_char_boundary(end) {
        end -= 1;
    }
    reason.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_resource_is_named_and_its_neighbours_are_not() {
        let listeners =
            "Error adding/updating listener(s) web:127.0.0.1:80: no api: here\npublic: bad port\n";
        assert!(names(listeners, "web:127.0.0.1:80") && names(listeners, "public"));
        assert!(!names(listeners, "web") && !names(listeners, "80") && !names(listeners, "api"));
        let clusters = "Error adding/updating cluster(s) a: x, b.c: y";
        assert!(names(clusters, "a") && names(clusters, "b.c") && !names(clusters, "b"));
    }

    #[test]
    fn words_without_a_list_name_nobody() {
        assert!(!names(
            "Proto constraint validation failed (Cluster.Name: too short)",
            "Cluster"
        ));
        assert!(!names("", "a") && !names("(s) : ", ""));
    }

    #[test]
    fn shortening_keeps_characters_whole() {
        assert_eq!(shorten("añb", 2), "a");
        assert_eq!(shorten("añb", 3), "añ");
        assert_eq!(shorten("añb", 99), "añb");
    }
}
