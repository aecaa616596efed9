use serde_json::json;

use crate::{Format, Kind, MAX_DEPTH, Span, parse, parse_auto};

fn read(text: &str) -> serde_json::Value {
    serde_json::Value::from(&parse(text, Format::Json).unwrap())
}

fn error(text: &str) -> String {
    parse(text, Format::Json).unwrap_err().to_string()
}

#[test]
fn every_kind_of_value_is_read() {
    let text = r#" {"a": [1, -2.5, 1e3, true, false, null], "b": {"c": "x\"\\\/\b\f\n\r\tA"}, "é": {}, "": []} "#;
    let b = json!({"c": "x\"\\/\u{8}\u{c}\n\r\tA"});
    assert_eq!(
        read(text),
        json!({"a": [1, -2.5, 1000, true, false, null], "b": b, "é": {}, "": []})
    );
}

#[test]
fn surrogate_pairs_join_and_lone_halves_are_replaced() {
    let text = [r#"["\ud83d\ude00", "\ud83d", "\ude00", "\ud83dx", "\ud83d\u0041"]"#].concat();
    assert_eq!(
        read(&text),
        json!([
            "\u{1F600}",
            "\u{FFFD}",
            "\u{FFFD}",
            "\u{FFFD}x",
            "\u{FFFD}A"
        ])
    );
}

#[test]
fn numbers_keep_whether_they_were_written_whole() {
    let value = parse(
        "[9223372036854775807, 9223372036854775808, 2.0, -0]",
        Format::Json,
    )
    .unwrap();
    let kinds: Vec<Kind> = value
        .as_list()
        .unwrap()
        .iter()
        .map(|value| value.kind.clone())
        .collect();
    let big = Kind::Float(9_223_372_036_854_775_808.0);
    assert_eq!(
        kinds,
        [
            Kind::Integer(i64::MAX),
            big,
            Kind::Float(2.0),
            Kind::Integer(0)
        ]
    );
    // Printed as JSON, a float without fraction is a whole number again.
    assert_eq!(read("2.0").to_string(), "2");
}

#[test]
fn values_and_keys_know_where_they_stand() {
    let value = parse("{\"é\": 1,\n  \"b\": [2]}", Format::Json).unwrap();
    let entries = value.as_object().unwrap();
    assert_eq!(entries[0].value.span, Span { line: 1, column: 7 });
    assert_eq!(entries[1].key_span, Span { line: 2, column: 3 });
    assert_eq!(
        entries[1].value.as_list().unwrap()[0].span,
        Span { line: 2, column: 9 }
    );
}

#[test]
fn a_key_twice_is_refused_in_small_and_large_objects() {
    let expected = "line 1, column 9: the key \"a\" was already given at line 1, column 2";
    assert_eq!(error(r#"{"a": 1,"a": 2}"#), expected);
    let many: String = (0..100).map(|n| format!("\"k{n}\": 0, ")).collect();
    assert!(
        error(&format!("{{{many}\"k7\": 1}}"))
            .contains("the key \"k7\" was already given at line 1, column")
    );
    assert_eq!(
        read(&format!("{{{many}\"k100\": 1}}"))
            .as_object()
            .unwrap()
            .len(),
        101
    );
}

#[test]
fn mistakes_are_named_where_they_are() {
    for (text, expected) in [
        (
            "",
            "line 1, column 1: expected a value, found the end of the text",
        ),
        (
            r#"{"a": 1,}"#,
            "line 1, column 9: expected a key in double quotes, found `}`",
        ),
        (
            r#"{"a" 1}"#,
            "line 1, column 6: expected `:` after the key, found `1`",
        ),
        ("[1 2]", "line 1, column 4: expected `,` or `]`, found `2`"),
        ("[01]", "line 1, column 3: expected `,` or `]`, found `1`"),
        ("[-]", "line 1, column 3: expected a digit, found `]`"),
        (
            "1e999",
            "line 1, column 1: expected a number that fits 64 bits, found \"1e999\"",
        ),
        (
            "\"a\nb\"",
            "line 1, column 3: expected the closing `\"` of the string, found '\\n'",
        ),
        (
            r#""\u12g4""#,
            "line 1, column 4: expected 4 hexadecimal digits, found `1`",
        ),
        (
            r#""\u12é""#,
            "line 1, column 4: expected 4 hexadecimal digits, found `1`",
        ),
        (
            r#""\x""#,
            "line 1, column 3: expected an escape: one of `\"\\/bfnrtu`, found `x`",
        ),
        (
            "{} x",
            "line 1, column 4: expected the end of the text, found `x`",
        ),
        (
            "\u{feff}{}",
            "line 1, column 1: expected a value, found '\\u{feff}'",
        ),
        (
            "{\n  'a': 1}",
            "line 2, column 3: expected a key in double quotes, found `'`",
        ),
    ] {
        assert_eq!(error(text), expected, "{text:?}");
    }
}

#[test]
fn nesting_ends_at_the_limit() {
    let deepest = format!("{}{}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    assert!(parse(&deepest, Format::Json).is_ok());
    assert_eq!(
        error(&"[".repeat(100_000)),
        "line 1, column 65: nested more than 64 levels deep"
    );
    assert!(error(&"{\"a\":".repeat(100_000)).ends_with("nested more than 64 levels deep"));
}

#[test]
fn the_format_is_told_by_the_first_character() {
    for text in [" {\"a\": 1}", "a = 1", "a = 1 # {"] {
        assert_eq!(
            serde_json::Value::from(&parse_auto(text).unwrap()),
            json!({"a": 1})
        );
    }
    assert_eq!(
        serde_json::Value::from(&parse_auto("[1]").unwrap()),
        json!([1])
    );
}
