use serde_json::{Value as Json, json};

use crate::{Error, Filter, Reason, Schema, rows};

fn nodes() -> Json {
    json!([
        {"ID": "", "Node": "n1", "Address": "10.10.1.1", "Datacenter": "dc1", "TaggedAddresses": null,
         "Meta": {"env": "prod", "rack": "r1"}},
        {"ID": "", "Node": "n2", "Address": "10.10.1.2", "Datacenter": "dc1", "TaggedAddresses": null,
         "Meta": {"env": "prod", "rack": "r2"}},
        {"ID": "", "Node": "n3", "Address": "10.10.1.3", "Datacenter": "dc1", "TaggedAddresses": null,
         "Meta": {"rack": "r1"}},
        {"ID": "5-5", "Node": "n5", "Address": "host.example", "Datacenter": "dc1",
         "TaggedAddresses": {"lan": "10.10.1.5", "wan": "192.0.2.5"}, "Meta": {}},
    ])
}

fn instances() -> Json {
    json!([
        {"Node": {"Node": "n1", "Meta": {"env": "prod"}},
         "Service": {"ID": "s1", "Service": "soup", "Port": 80, "Tags": ["hot", "v1"], "Meta": {"v": "1"},
                     "Weights": {"Passing": 1, "Warning": 1}, "Connect": {},
                     "TaggedAddresses": {"lan": {"Address": "10.0.0.1", "Port": 6}}},
         "Checks": [{"CheckID": "a", "Status": "passing", "Output": ""}, {"CheckID": "b", "Status": "passing"}]},
        {"Node": {"Node": "n2", "Meta": null},
         "Service": {"ID": "s2", "Service": "soup", "Port": 81, "Tags": null, "Meta": {"v": "2"},
                     "Weights": {"Passing": 9, "Warning": 3}, "Connect": {"Native": true},
                     "Proxy": {"Upstreams": [{"DestinationName": "b"}, {"DestinationName": "c"}]}},
         "Checks": [{"CheckID": "a", "Status": "passing"}, {"CheckID": "c", "Status": "warning", "Output": "slow"}]},
        {"Node": {"Node": "n3"}, "Service": {"ID": "s3", "Service": "soup", "Tags": []}, "Checks": []},
    ])
}

/// The positions (from 1) of the rows that pass, as text.
fn passing(text: &str, rows: &Json, schema: &'static Schema) -> String {
    let filter = Filter::compile(text, schema).unwrap_or_else(|error| panic!("{text}: {error}"));
    let rows = rows.as_array().unwrap().iter().enumerate();
    rows.filter(|(_, row)| filter.matches(*row))
        .map(|(at, _)| (at + 1).to_string())
        .collect()
}

fn refused(text: &str) -> Error {
    Filter::compile(text, &rows::NODE).expect_err(text)
}

#[test]
fn expressions_on_nodes_pass_the_rows_that_consul_passes() {
    for (text, expected) in [
        ("Node == n1", "1"),
        ("Node==n1", "1"),
        ("\"n\" in Node and Node != n2", "134"),
        ("\"1.\" not in Address", "4"),
        ("Node contains 5", "4"),
        ("Meta.rack == r1", "13"),
        ("Meta.rack != r1", "24"),
        ("Meta[\"rack\"] == `r1`", "13"),
        ("rack in Meta", "123"),
        ("Meta contains rack", "123"),
        ("Meta not contains env", "34"),
        ("Meta is empty", "4"),
        ("Meta is not empty", "123"),
        ("TaggedAddresses is empty", "123"),
        ("TaggedAddresses.wan == \"192.0.2.5\"", "4"),
        ("Address matches `^10\\.10\\.1\\.[23]$`", "23"),
        ("Address matches \"^10\\\\.10\"", "123"),
        ("Address not matches \"^10\"", "4"),
        ("PeerName == \"\" and Node == n1", "1"),
        ("Partition == \"default\"", ""),
        ("Node == 5", ""),
        ("ID == \"5-5\"", "4"),
    ] {
        assert_eq!(passing(text, &nodes(), &rows::NODE), expected, "{text}");
    }
}

#[test]
fn not_binds_tighter_than_and_and_and_tighter_than_or() {
    let nodes = nodes();
    assert_eq!(
        passing(
            "Meta.env == prod and not Meta.rack == r1",
            &nodes,
            &rows::NODE
        ),
        "2"
    );
    assert_eq!(
        passing("not Node == n1 and Node == n2", &nodes, &rows::NODE),
        "2"
    );
    assert_eq!(
        passing(
            "Node == n1 or Node == n2 and Node == n3",
            &nodes,
            &rows::NODE
        ),
        "1"
    );
    assert_eq!(
        passing(
            "(Node == n1 or Node == n2) and Node == n2",
            &nodes,
            &rows::NODE
        ),
        "2"
    );
    assert_eq!(
        passing("not ( Node == n1 or Node == n2 )", &nodes, &rows::NODE),
        "34"
    );
    assert_eq!(passing("not not Node == n1", &nodes, &rows::NODE), "1");
}

#[test]
fn a_field_of_a_list_stands_for_any_element_even_when_negated() {
    let rows = instances();
    for (text, expected) in [
        ("Checks.Status == passing", "12"),
        ("Checks.Status != passing", "2"),
        ("not Checks.Status == warning", "13"),
        ("Checks.Output matches slow", "2"),
        ("Checks is empty", "3"),
        ("Checks is not empty and Service.ID == s1", "1"),
        ("Service.Proxy.Upstreams.DestinationName != b", "2"),
        ("Service.Proxy.Upstreams is empty", "13"),
    ] {
        assert_eq!(
            passing(text, &rows, &rows::CHECK_SERVICE_NODE),
            expected,
            "{text}"
        );
    }
}

#[test]
fn what_a_row_leaves_out_has_its_empty_value() {
    let rows = instances();
    for (text, expected) in [
        ("Service.Port == 81", "2"),
        ("Service.Port == \"80\"", "1"),
        ("Service.Port == 0", "3"),
        ("Service.Tags contains hot", "1"),
        ("hot not in Service.Tags", "23"),
        ("Service.Tags is empty", "23"),
        ("Service.Connect.Native == true", "2"),
        ("Service.Connect.Native == false", "13"),
        ("Service.Weights.Passing != 9", "13"),
        ("Service.TaggedAddresses.lan.Port == 6", "1"),
        ("Service.TaggedAddresses.lan.Port != 6", "23"),
        ("lan in Service.TaggedAddresses", "1"),
        ("Service.Kind == \"\"", "123"),
        ("Node.Meta.env == prod", "1"),
    ] {
        assert_eq!(
            passing(text, &rows, &rows::CHECK_SERVICE_NODE),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_missing_map_key_passes_negations_and_both_forms_of_matches() {
    let nodes = nodes();
    for (text, expected) in [
        ("Meta.env == prod", "12"),
        ("Meta.env != prod", "34"),
        ("pro in Meta.env", "12"),
        ("pro not in Meta.env", "34"),
        ("Meta.env matches nothing", "34"),
        ("Meta.env not matches prod", "34"),
    ] {
        assert_eq!(passing(text, &nodes, &rows::NODE), expected, "{text}");
    }
}

#[test]
fn errors_name_the_column_and_the_cause() {
    let number = |column, reason| Error { column, reason };
    for (text, expected) in [
        ("", number(1, Reason::Expected("a selector or a value"))),
        ("Node = 1", number(7, Reason::Expected("\"=\""))),
        ("Node == ", number(9, Reason::Expected("a value"))),
        ("Node == 01", number(9, Reason::Number)),
        ("Node == 5x", number(9, Reason::Number)),
        ("Node == \"abc", number(9, Reason::Unterminated)),
        ("Address matches \"^10\\.10\"", number(17, Reason::Escape)),
        ("Node in \"n1\"", number(9, Reason::Selector)),
        (
            "\"n1\" == Node",
            number(6, Reason::Expected("\"in\" or \"not in\" after a value")),
        ),
        ("Meta. == x", number(6, Reason::Selector)),
        ("Meta[x] == x", number(6, Reason::Index)),
        ("Meta[\"x\" == x", number(9, Reason::UnclosedIndex)),
        ("(Node == n1", number(1, Reason::Parentheses)),
        ("Node == n1)", number(11, Reason::Parentheses)),
        ("Node == connect-proxy", number(16, Reason::Number)),
        (
            "Node == n1 Node",
            number(12, Reason::Expected("\"and\", \"or\" or the end")),
        ),
        ("Meta is full", number(9, Reason::Expected("\"empty\""))),
        ("é == 1", number(1, Reason::Character('é'))),
        (
            "Bogus == 1",
            number(1, Reason::UnknownSelector("Bogus".to_owned())),
        ),
        (
            "node == n1",
            number(1, Reason::UnknownSelector("node".to_owned())),
        ),
        (
            "Node.x == 1",
            number(1, Reason::UnknownSelector("Node.x".to_owned())),
        ),
        (
            "Node == n1 and ModifyIndex == 1",
            number(16, Reason::UnknownSelector("ModifyIndex".to_owned())),
        ),
    ] {
        assert_eq!(refused(text), expected, "{text}");
    }
    assert_eq!(
        refused("Bogus == 1").to_string(),
        "Failed to create boolean expression evaluator: column 1: Selector \"Bogus\" is not valid"
    );
}

#[test]
fn an_operator_must_fit_the_field_and_a_value_its_type() {
    let compile = |text| Filter::compile(text, &rows::CHECK_SERVICE_NODE).map(drop);
    for (text, operator, selector) in [
        ("Node.Node is empty", "is empty", "Node.Node"),
        (
            "Node.Meta.env is not empty",
            "is not empty",
            "Node.Meta.env",
        ),
        ("Checks == 1", "==", "Checks"),
        ("a in Checks", "in", "Checks"),
        ("Service.Port matches 8", "matches", "Service.Port"),
        ("Service.Tags == hot", "==", "Service.Tags"),
    ] {
        let selector = selector.to_owned();
        assert_eq!(
            compile(text).unwrap_err().reason,
            Reason::Operator { operator, selector },
            "{text}"
        );
    }
    for (text, value, column, kind) in [
        ("Service.Port == abc", "abc", 17, "a whole number"),
        (
            "Service.Port == 99999999999999999999",
            "99999999999999999999",
            17,
            "a whole number",
        ),
        ("Service.Connect.Native == yes", "yes", 27, "a boolean"),
    ] {
        let value = value.to_owned();
        assert_eq!(
            compile(text).unwrap_err(),
            Error {
                column,
                reason: Reason::Coerce { value, kind }
            }
        );
    }
    assert!(matches!(
        compile("Service == soup").unwrap_err().reason,
        Reason::UnknownSelector(_)
    ));
}

#[test]
fn deep_nesting_and_huge_patterns_are_refused() {
    for opening in ["(", "not "] {
        let text = format!("{}Node == n1", opening.repeat(100_000));
        assert_eq!(refused(&text).reason, Reason::TooDeep { limit: 64 });
    }
    assert!(matches!(
        refused("Node matches `(a{1000}){1000}`").reason,
        Reason::Regex(_)
    ));
    assert!(matches!(
        refused("Node matches `(`").reason,
        Reason::Regex(_)
    ));
}

#[test]
fn a_long_flat_expression_is_no_nesting() {
    let text = vec!["Node == n1"; 10_000].join(" or ");
    assert_eq!(passing(&text, &nodes(), &rows::NODE), "1");
}

#[test]
fn the_syntax_is_checked_without_knowing_the_rows() {
    for text in [
        "Any.Thing == 1",
        "x in Any.Where and not (A is empty)",
        "A matches `(`",
    ] {
        assert_eq!(Filter::check_syntax(text), Ok(()), "{text}");
    }
    for text in ["", "A ==", "A == 1)", "A similar B", "\"a", "1 and 2"] {
        assert!(Filter::check_syntax(text).is_err(), "{text}");
    }
}
