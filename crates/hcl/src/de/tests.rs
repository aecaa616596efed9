use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::{Options, Unknown, from_str, from_value_seed};
use crate::{Error, Format, Problem, Span};

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Service {
    name: String,
    tags: Vec<String>,
    enable_tag_override: bool,
    weight: f64,
    limit: Option<i32>,
    meta: BTreeMap<String, String>,
    proxy: Option<Proxy>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Proxy {
    mode: Mode,
    upstreams: Vec<Upstream>,
    config: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Upstream {
    destination_name: String,
    local_bind_port: u16,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Mode {
    #[default]
    Default,
    Transparent,
}

fn strict(text: &str) -> Result<Service, Error> {
    from_str(text, Format::Json, Options::STRICT)
}

fn weak(text: &str) -> Result<Service, Error> {
    from_str(text, Format::Hcl, Options::WEAK)
}

#[test]
fn fields_are_found_whatever_their_spelling_and_map_keys_stay() {
    let service = strict(
        r#"{"NAME": "web", "enable_tag_override": true, "meta": {"Some_Key": "v"},
            "proxy": {"Up_Streams": [{"destinationname": "db", "LocalBindPort": 1}], "config": {"Connect_Timeout": [1, {"A": null}]}}}"#,
    )
    .unwrap();
    assert_eq!(service.name, "web");
    assert!(service.enable_tag_override);
    assert_eq!(service.meta["Some_Key"], "v");
    let proxy = service.proxy.unwrap();
    assert_eq!(
        proxy.upstreams,
        [Upstream {
            destination_name: "db".into(),
            local_bind_port: 1
        }]
    );
    assert_eq!(proxy.config["Connect_Timeout"], json!([1, {"A": null}]));
}

#[test]
fn two_spellings_of_a_field_are_refused_with_both_places() {
    let error = strict(
        "{\"proxy\": {\"upstreams\": [{\"local_bind_port\": 1,\n\"LocalBindPort\": null}]}}",
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2, column 1: Proxy.Upstreams[0]: \"LocalBindPort\" is the same field as \"local_bind_port\" at line 1, column 27"
    );
}

#[test]
fn errors_say_place_path_expectation_and_finding() {
    for (text, expected) in [
        (
            r#"{"Name": 1}"#,
            "line 1, column 10: Name: expected a string, found the number 1",
        ),
        (
            r#"{"Tags": "a"}"#,
            "line 1, column 10: Tags: expected a list, found the string \"a\"",
        ),
        (
            r#"{"Tags": ["a", {}]}"#,
            "line 1, column 16: Tags[1]: expected a string, found an object",
        ),
        (
            r#"{"Tags": [null]}"#,
            "line 1, column 11: Tags[0]: expected a string, found null",
        ),
        (
            r#"{"Meta": {"odd key": 1}}"#,
            "line 1, column 22: Meta[\"odd key\"]: expected a string, found the number 1",
        ),
        (
            r#"{"EnableTagOverride": "true"}"#,
            "line 1, column 23: EnableTagOverride: expected true or false, found the string \"true\"",
        ),
        (
            r#"{"Limit": 2147483648}"#,
            "line 1, column 11: Limit: expected a whole number from -2147483648 to 2147483647, found the number 2147483648",
        ),
        (
            r#"{"Proxy": {"Upstreams": [{"LocalBindPort": 65536}]}}"#,
            "line 1, column 44: Proxy.Upstreams[0].LocalBindPort: expected a whole number from 0 to 65535, found the number 65536",
        ),
        (
            r#"{"Proxy": {"Upstreams": [{"LocalBindPort": -1}]}}"#,
            "line 1, column 44: Proxy.Upstreams[0].LocalBindPort: expected a whole number from 0 to 65535, found the number -1",
        ),
        (
            r#"{"Proxy": {"Upstreams": [{"LocalBindPort": "x"}]}}"#,
            "line 1, column 44: Proxy.Upstreams[0].LocalBindPort: expected a whole number from 0 to 65535, found the string \"x\"",
        ),
        (
            r#"{"Proxy": {"Upstreams": [{"LocalBindPort": 8.0}]}}"#,
            "line 1, column 44: Proxy.Upstreams[0].LocalBindPort: expected a whole number from 0 to 65535, found the number 8.0",
        ),
        (
            r#"{"Proxy": {"local_bind": 1}}"#,
            "line 1, column 12: Proxy: unknown field \"local_bind\"",
        ),
        (
            r#"{"Proxy": {"upstraems": 1}}"#,
            "line 1, column 12: Proxy: unknown field \"upstraems\"; did you mean `Upstreams`?",
        ),
        (
            r#"{"Proxy": {"Mode": "transparant"}}"#,
            "line 1, column 20: Proxy.Mode: expected \"default\" or \"transparent\", found the string \"transparant\"; did you mean `transparent`?",
        ),
        (
            r#"{"Proxy": {"Mode": 1}}"#,
            "line 1, column 20: Proxy.Mode: expected a string, found the number 1",
        ),
        (
            r#"[{"Name": "x"}]"#,
            "line 1, column 1: expected an object, found a list",
        ),
        (
            r#""desk""#,
            "line 1, column 1: expected an object, found the string \"desk\"",
        ),
    ] {
        assert_eq!(strict(text).unwrap_err().to_string(), expected, "{text}");
    }
}

#[test]
fn an_error_can_be_taken_apart() {
    let error = strict(r#"{"Proxy": {"Upstreams": [{"Port": 1}]}}"#).unwrap_err();
    assert_eq!(error.path(), "Proxy.Upstreams[0]");
    assert_eq!(
        error.span(),
        Some(Span {
            line: 1,
            column: 27
        })
    );
    assert_eq!(
        *error.problem(),
        Problem::UnknownField {
            name: "Port".into(),
            nearest: None
        }
    );
}

#[test]
fn long_and_hostile_names_are_cut_and_escaped_in_messages() {
    let text = format!("{{\"{}\\u0007\": 1}}", "x".repeat(10_000));
    assert!(strict(&text).unwrap_err().to_string().len() < 150);
    assert_eq!(
        strict(r#"{"\u0007": 1}"#).unwrap_err().to_string(),
        "line 1, column 2: unknown field \"\\u{7}\""
    );
}

#[test]
fn null_means_not_given() {
    let all = r#"{"Name": null, "Tags": null, "EnableTagOverride": null, "Limit": null, "Meta": null, "Proxy": null}"#;
    assert_eq!(strict(all).unwrap(), Service::default());
    assert_eq!(strict("null").unwrap(), Service::default());
}

#[test]
fn unknown_fields_can_be_ignored_everywhere_or_in_named_structs() {
    let text = r#"{"Name": "x", "Bogus": 1, "Proxy": {"Bogus": {}, "Upstreams": [{"Bogus": 1}]}}"#;
    let ignore = Options {
        unknown: Unknown::Ignore,
        ..Options::STRICT
    };
    assert_eq!(
        from_str::<Service>(text, Format::Json, ignore)
            .unwrap()
            .name,
        "x"
    );
    let lenient = Options {
        lenient: &["Proxy"],
        ..Options::STRICT
    };
    let error = from_str::<Service>(text, Format::Json, lenient).unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 1, column 15: unknown field \"Bogus\""
    );
    let inner = r#"{"Proxy": {"Bogus": {}, "Upstreams": [{"Bogus": 1, "DestinationName": "a"}]}}"#;
    let service: Service = from_str(inner, Format::Json, lenient).unwrap();
    assert_eq!(service.proxy.unwrap().upstreams[0].destination_name, "a");
}

#[test]
fn weak_typing_lets_scalars_stand_for_each_other() {
    let text = r#"name = 5 enable_tag_override = "1" weight = "2.5" limit = "-7" meta { n = 5 b = true f = 1.5 s = "x" }"#;
    let service = weak(text).unwrap();
    assert_eq!(
        (service.name.as_str(), service.enable_tag_override),
        ("5", true)
    );
    assert_eq!((service.weight, service.limit), (2.5, Some(-7)));
    let meta: Vec<&str> = service.meta.values().map(String::as_str).collect();
    assert_eq!(meta, ["1", "1.5", "5", "x"]);
    assert_eq!(
        weak("limit = \"0x10\" enable_tag_override = 0")
            .unwrap()
            .limit,
        Some(16)
    );
    assert_eq!(weak("limit = true").unwrap().limit, Some(1));
    let problem = weak("limit = 1.5").unwrap_err();
    assert!(
        problem.to_string().ends_with("found the number 1.5"),
        "{problem}"
    );
    assert!(weak("enable_tag_override = \"yes\"").is_err());
    assert!(weak("limit = \"99999999999\"").is_err());
}

#[test]
fn weak_typing_takes_one_for_a_list_of_one_and_back() {
    let service = weak(
        "tags = \"a\"\nproxy = [{ upstreams { destination_name = \"x\" } config { a { b = 1 } many { x = 1 } many { x = 2 } } }]\nmeta = [{ a = \"1\" }, { b = \"2\" }]",
    )
    .unwrap();
    assert_eq!(service.tags, ["a"]);
    assert_eq!(service.meta.len(), 2);
    let proxy = service.proxy.unwrap();
    assert_eq!(proxy.upstreams.len(), 1);
    assert_eq!(proxy.config["a"], json!({"b": 1}));
    assert_eq!(proxy.config["many"], json!([{"x": 1}, {"x": 2}]));
    assert_eq!(weak("tags = {}").unwrap().tags.len(), 0);
}

#[test]
fn blocks_merge_into_a_map_but_not_into_a_struct() {
    let map: BTreeMap<String, Upstream> = from_str::<BTreeMap<String, BTreeMap<String, Upstream>>>(
        "subsets \"v1\" { destination_name = \"a\" }\nsubsets \"v2\" { destination_name = \"b\" }",
        Format::Hcl,
        Options::WEAK,
    )
    .unwrap()
    .remove("subsets")
    .unwrap();
    assert_eq!(map.keys().collect::<Vec<_>>(), ["v1", "v2"]);
    let error = weak("meta { a = 1 }\nmeta { a = 2 }").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2, column 8: Meta: the key \"a\" was already given at line 1, column 8"
    );
    let error = weak("proxy { mode = \"default\" }\nproxy { }").unwrap_err();
    assert_eq!(
        error.to_string(),
        "line 2, column 7: Proxy: expected one object, found 2 of them"
    );
}

#[test]
fn what_a_type_says_itself_gets_place_and_path() {
    #[derive(Debug, Deserialize)]
    #[serde(try_from = "String")]
    struct Duration;
    impl TryFrom<String> for Duration {
        type Error = String;
        fn try_from(text: String) -> Result<Self, String> {
            Err(format!("no duration: {text}"))
        }
    }
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "only its errors are looked at")]
    struct Check {
        interval: Vec<Duration>,
        #[serde(default)]
        timeout: Option<Box<Self>>,
    }
    let read = |text| {
        from_str::<Check>(text, Format::Json, Options::STRICT)
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        read(r#"{"interval": ["soon"]}"#),
        "line 1, column 15: interval[0]: no duration: soon"
    );
    let missing = "line 1, column 29: timeout: the field `interval` is missing";
    assert_eq!(read(r#"{"interval": [], "timeout": {}}"#), missing);
}

#[test]
fn enums_with_contents_are_objects_with_one_key() {
    #[derive(Debug, PartialEq, Deserialize)]
    enum Shape {
        Dot,
        Circle(u8),
        Box(Upstream),
    }
    let read = |text| from_str::<Vec<Shape>>(text, Format::Json, Options::STRICT);
    let all = read(r#"["Dot", {"Circle": 1}, {"Box": {"localbindport": 2}}]"#).unwrap();
    assert_eq!(
        all,
        [
            Shape::Dot,
            Shape::Circle(1),
            Shape::Box(Upstream {
                local_bind_port: 2,
                ..Upstream::default()
            })
        ]
    );
    let error = read(r#"[{"Circle": 256}]"#).unwrap_err().to_string();
    assert!(
        error.starts_with("line 1, column 13: [0].Circle: expected a whole number from 0 to 255"),
        "{error}"
    );
}

#[test]
fn a_seed_picks_what_is_read_and_gets_positions_too() {
    /// Reads a service, or refuses to.
    struct Seed(bool);
    impl<'de> serde::de::DeserializeSeed<'de> for Seed {
        type Value = Service;
        fn deserialize<D: serde::Deserializer<'de>>(self, from: D) -> Result<Service, D::Error> {
            if self.0 {
                return Err(serde::de::Error::custom("no such kind"));
            }
            Service::deserialize(from)
        }
    }
    let value = crate::parse("\n  {\"Name\": 1}", Format::Json).unwrap();
    let read = |refuse| from_value_seed(Seed(refuse), &value, Options::WEAK);
    assert_eq!(read(false).unwrap().name, "1");
    assert_eq!(
        read(true).unwrap_err().to_string(),
        "line 2, column 3: no such kind"
    );
}
