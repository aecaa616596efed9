//! Whatever the text, reading it ends in a value or an error, and what is JSON is read as others read it.

use proptest::prelude::*;
use tribune_hcl::{Format, Options, Unknown, from_value, parse, parse_auto};

const DOCUMENTS: [&str; 2] = [
    r#"service "web" { port = 0x1F tags = ["a", "b",] /* c */ check { ttl = "1h\n" } check { x = <<-E
      text ${a "b"}
      E
    } }
    # end"#,
    r#"{"Name": "web", "Port": 8e1, "Meta": {"a": "\ud83d\ude00\u0041"}, "List": [null, true, -1.5, {"x": []}]}"#,
];

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        "\\PC{0,8}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map(".{0,6}", inner, 0..20)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

fn read_in_every_way(text: &str) {
    for result in [
        parse(text, Format::Hcl),
        parse(text, Format::Json),
        parse_auto(text),
    ] {
        match result {
            Ok(value) => {
                let options = Options {
                    unknown: Unknown::Ignore,
                    ..Options::WEAK
                };
                let again: serde_json::Value =
                    from_value(&value, options).expect("a value is JSON");
                assert_eq!(again, serde_json::Value::from(&value));
            }
            Err(error) => assert!(error.span().is_some() && !error.to_string().is_empty()),
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        read_in_every_way(&text);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        read_in_every_way(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn syntax_in_any_order_is_read_or_refused(
        parts in prop::collection::vec(prop::sample::select(vec![
            "{", "}", "[", "]", "=", ":", ",", "\"", "\\", "\\u", "d83d", "<<", "-", "E", "\n", "\r", " ", "#", "/*",
            "*/", "${", "$", "a", "é", "0", "0x", "1", ".", "e", "true", "null", "\u{0}", "\u{FEFF}",
        ]), 0..80),
    ) {
        read_in_every_way(&parts.concat());
    }

    #[test]
    fn damaged_documents_are_read_or_refused(
        which in 0..DOCUMENTS.len(), at in any::<prop::sample::Index>(), length in 0usize..5, new in ".{0,3}",
    ) {
        let mut text: Vec<char> = DOCUMENTS[which].chars().collect();
        let from = at.index(text.len());
        let to = (from + length).min(text.len());
        text.splice(from..to, new.chars());
        read_in_every_way(&text.into_iter().collect::<String>());
    }

    #[test]
    fn json_means_what_it_means_to_others(value in json()) {
        for text in [value.to_string(), serde_json::to_string_pretty(&value).unwrap()] {
            prop_assert_eq!(&serde_json::Value::from(&parse(&text, Format::Json).unwrap()), &value);
        }
    }
}

#[test]
fn a_body_of_one_long_line_takes_linear_time() {
    // With a position looked up from the start for every value this would take minutes.
    let text = format!(
        "[{}0]",
        "{\"key\": \"value\", \"n\": [1, 2, 3]}, ".repeat(100_000)
    );
    assert_eq!(
        parse(&text, Format::Json).unwrap().as_list().unwrap().len(),
        100_001
    );
    let keys: Vec<String> = (0..100_000).map(|n| format!("\"k{n}\": {n}")).collect();
    let text = format!("{{{}}}", keys.join(", "));
    assert_eq!(
        parse(&text, Format::Json)
            .unwrap()
            .as_object()
            .unwrap()
            .len(),
        100_000
    );
}
