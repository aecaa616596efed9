use serde_json::{Value as Json, json};

use crate::{Format, Kind, MAX_DEPTH, Span, parse};

fn read(text: &str) -> Json {
    Json::from(&parse(text, Format::Hcl).unwrap())
}

fn error(text: &str) -> String {
    parse(text, Format::Hcl).unwrap_err().to_string()
}

#[test]
fn an_empty_document_is_an_empty_object() {
    for text in ["", "  \n", "# only\n// comments\n/* here\n */"] {
        assert_eq!(read(text), json!({}));
    }
}

#[test]
fn scalars_have_the_forms_of_hcl_1() {
    let text = "a = 12\nb = -3\nc = 1.50\nd = 0x1F\ne = 1e3\nf = 0755\ng = true\nh = false\ni = \"x\" j = -0x10";
    assert_eq!(
        read(text),
        json!({"a": 12, "b": -3, "c": 1.5, "d": 31, "e": 1000, "f": 493, "g": true, "h": false, "i": "x", "j": -16})
    );
}

#[test]
fn strings_resolve_escapes_and_keep_interpolations_as_written() {
    let text = r#"a = "tab\tquote\"nl\nuni\u00e9back\\slash\x41\U0001F600" b = "${not.a.var} $${kept} ${f("x")} $5""#;
    let b = r#"${not.a.var} $${kept} ${f("x")} $5"#;
    assert_eq!(
        read(text),
        json!({"a": "tab\tquote\"nl\nuni\u{e9}back\\slashA\u{1F600}", "b": b})
    );
}

#[test]
fn heredocs_keep_their_lines_and_lose_the_indentation_of_their_marker() {
    let text = "a = <<EOT\n{\"x\":\n  1}\nEOT\nb = <<-END\n    first\n      second\n    END\nc = [<<E\none\nE\n, 2]\n";
    assert_eq!(
        read(text),
        json!({"a": "{\"x\":\n  1}\n", "b": "first\n  second\n", "c": ["one\n", 2]})
    );
    // A line that is indented less than the marker keeps all lines as they are.
    assert_eq!(read("a = <<-E\n  x\n y\n  E\n"), json!({"a": "  x\n y\n"}));
    assert_eq!(
        read("a = <<E\r\nx\r\nE\r\nb = 1\r\n"),
        json!({"a": "x\n", "b": 1})
    );
}

#[test]
fn blocks_nest_by_label_and_repeated_ones_become_a_list() {
    let text = r#"service "web" { port = 1 } service "api" "v2" { port = 2 }
one { x = 1 } many { x = 1 } many { x = 2 } many = { x = 3 }"#;
    assert_eq!(
        read(text),
        json!({
            "service": [{"web": {"port": 1}}, {"api": {"v2": {"port": 2}}}],
            "one": {"x": 1},
            "many": [{"x": 1}, {"x": 2}, {"x": 3}],
        })
    );
}

#[test]
fn items_need_neither_commas_nor_newlines() {
    let text = "a { b = 1 c = 2, d = 3\n e = [1, \"two\", {x = 1},], }\n\"odd key\" = 1 m { \"b-c\" = \"2\" }";
    assert_eq!(
        read(text),
        json!({"a": {"b": 1, "c": 2, "d": 3, "e": [1, "two", {"x": 1}]}, "odd key": 1, "m": {"b-c": "2"}})
    );
}

#[test]
fn values_know_where_they_stand() {
    let value = parse("# é\nname = \"é\" port {\n  http = 1\n}", Format::Hcl).unwrap();
    let entries = value.as_object().unwrap();
    assert_eq!(entries[0].key_span, Span { line: 2, column: 1 });
    assert_eq!(entries[0].value.span, Span { line: 2, column: 8 });
    assert_eq!(
        entries[1].key_span,
        Span {
            line: 2,
            column: 12
        }
    );
    assert_eq!(
        entries[1].value.get("http").unwrap().span,
        Span {
            line: 3,
            column: 10
        }
    );
}

#[test]
fn a_key_that_is_no_block_is_refused_the_second_time() {
    assert_eq!(
        error("Name = \"x\"\n  Name = \"y\"\n"),
        "line 2, column 3: the key \"Name\" was already given at line 1, column 1"
    );
    assert_eq!(
        error("a = [1]\na {}"),
        "line 2, column 1: the key \"a\" was already given at line 1, column 1"
    );
    assert_eq!(
        error("a {}\na = [{}]"),
        "line 2, column 1: the key \"a\" was already given at line 1, column 1"
    );
    assert!(error("a {}\na {}\na = 1").starts_with("line 3, column 1"));
}

#[test]
fn mistakes_are_named_where_they_are() {
    for (text, expected) in [
        (
            "Name = \n",
            "line 2, column 1: expected a value (strings stand in double quotes), found the end of the text",
        ),
        (
            "a = 'x'",
            "line 1, column 5: expected a value (strings stand in double quotes), found `'`",
        ),
        (
            "a {\n b = 1\n",
            "line 3, column 1: expected the `}` that closes the `{` at line 1, column 3, found the end of the text",
        ),
        ("a = 1\n}", "line 2, column 1: expected a key, found `}`"),
        (
            "a = 10s",
            "line 1, column 7: expected the end of the number (values like `10s` stand in double quotes), found `s`",
        ),
        (
            "a = 0x",
            "line 1, column 5: expected a whole number of base 16 that fits 64 bits, found \"\"",
        ),
        (
            "a = 089",
            "line 1, column 5: expected a whole number of base 8 that fits 64 bits, found \"089\"",
        ),
        (
            "a = [1 2]",
            "line 1, column 8: expected `,` or `]`, found `2`",
        ),
        (
            "a = \"x\ny\"",
            "line 1, column 7: expected the closing `\"` of the string, found '\\n'",
        ),
        (
            "a = \"\\q\"",
            "line 1, column 7: expected an escape: one of `\"\\abfnrtvxuU`, found `q`",
        ),
        (
            "a = \"\\UFFFFFFFF\"",
            "line 1, column 8: expected the code of a character, found FFFFFFFF",
        ),
        (
            "a = \"${x\"",
            "line 1, column 6: expected a `${` that is closed with `}`, found `$`",
        ),
        (
            "a = <<E\nx",
            "line 2, column 2: expected the line `E` that ends the heredoc at line 1, column 5, found the end of the text",
        ),
        (
            "a = <<\nx",
            "line 1, column 7: expected the marker that ends the heredoc, like `EOF`, found '\\n'",
        ),
        (
            "/* x",
            "line 1, column 1: expected a comment that is closed with `*/`, found `/`",
        ),
        (
            "\u{feff}a = 1",
            "line 1, column 1: expected a key, found '\\u{feff}'",
        ),
        (
            "a b = 1",
            "line 1, column 5: expected `{` or another label, found `=`",
        ),
        (
            "a = trueish",
            "line 1, column 5: expected a value (strings stand in double quotes), found `t`",
        ),
    ] {
        assert_eq!(error(text), expected, "{text:?}");
    }
}

#[test]
fn nesting_ends_at_the_limit_whatever_nests() {
    let deepest = format!("{}{}", "a {".repeat(MAX_DEPTH), "}".repeat(MAX_DEPTH));
    assert!(parse(&deepest, Format::Hcl).is_ok());
    for text in [
        "a {".repeat(100_000),
        format!("a = {}", "[".repeat(100_000)),
        format!("a {} {{}}", "x ".repeat(100_000)),
    ] {
        assert!(error(&text).ends_with("nested more than 64 levels deep"));
    }
}

#[test]
fn a_whole_number_beyond_64_bits_becomes_a_float() {
    let value = parse("a = 9223372036854775808", Format::Hcl).unwrap();
    assert_eq!(
        value.get("a").unwrap().kind,
        Kind::Float(9_223_372_036_854_775_808.0)
    );
}
