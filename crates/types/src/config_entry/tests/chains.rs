//! The kinds that shape discovery chains.

use serde_json::{Value, json};

use super::super::*;
use super::{parse, printed, refused};
use crate::PeerName;

fn router(http: Value, destination: Value) -> Value {
    json!({"Name": "till", "Routes": [{}, {"Match": {"HTTP": http}, "Destination": destination}]})
}

fn resolver(fields: Value) -> Value {
    let mut json =
        json!({"Name": "till", "Subsets": {"v1": {}, "v2": {"Filter": "x", "OnlyPassing": true}}});
    json.as_object_mut()
        .unwrap()
        .extend(fields.as_object().unwrap().clone());
    json
}

fn failover(fields: Value) -> Value {
    resolver(json!({"Failover": {"v1": fields}}))
}

fn balancer(fields: Value) -> Value {
    resolver(json!({"LoadBalancer": fields}))
}

fn hashed(policy: Value) -> Value {
    balancer(json!({"Policy": "maglev", "HashPolicies": [{"SourceIP": true}, policy]}))
}

#[test]
fn a_router_without_routes_prints_how_it_was_written() {
    assert_eq!(
        printed(Kind::ServiceRouter, json!({"Name": "till"})),
        json!({"Name": "till", "Routes": null})
    );
    let hollow = json!({"Name": "till", "Routes": [{}, {"Match": {}}, {"Match": {"HTTP": {}}}, {"Destination": {}}]});
    assert_eq!(printed(Kind::ServiceRouter, hollow.clone()), hollow);
}

#[test]
fn a_router_prints_methods_in_upper_case_and_durations_as_text() {
    let written = router(
        json!({"PathExact": "/a", "Methods": ["get", "Post"], "Header": [{"Name": "x", "Prefix": "p", "Invert": true}], "QueryParam": [{"Name": "q", "Present": true}]}),
        json!({"Service": "desk", "PrefixRewrite": "b", "RequestTimeout": 90_000_000_000_i64, "IdleTimeout": "-1s", "NumRetries": -1, "RetryOn": ["5xx"], "RetryOnStatusCodes": [502, -1], "ResponseHeaders": {}}),
    );
    assert_eq!(
        printed(Kind::ServiceRouter, written)["Routes"][1],
        json!({
            "Match": {"HTTP": {"PathExact": "/a", "Methods": ["GET", "POST"], "Header": [{"Name": "x", "Prefix": "p", "Invert": true}], "QueryParam": [{"Name": "q", "Present": true}]}},
            "Destination": {"Service": "desk", "PrefixRewrite": "b", "RequestTimeout": "1m30s", "IdleTimeout": "-1s", "NumRetries": 4_294_967_295_u32, "RetryOn": ["5xx"], "RetryOnStatusCodes": [502, 4_294_967_295_u32], "ResponseHeaders": {}},
        })
    );
}

#[test]
fn a_router_is_refused_for_each_rule_that_it_breaks() {
    let header = |header: Value| router(json!({"Header": [header]}), json!({}));
    let query = |param: Value| router(json!({"QueryParam": [param]}), json!({}));
    refused(
        Kind::ServiceRouter,
        &[
            (json!({"Routes": []}), "Name: is required"),
            (
                router(json!({"PathExact": "a"}), json!({})),
                "Routes[1].Match.HTTP.PathExact: \"a\" is not a path",
            ),
            (
                router(json!({"PathPrefix": "a"}), json!({})),
                "Routes[1].Match.HTTP.PathPrefix: \"a\" is not a path",
            ),
            (
                router(json!({"PathExact": "/a", "PathRegex": "b"}), json!({})),
                "Routes[1].Match.HTTP: can have only one of PathExact",
            ),
            (header(json!({"Exact": "1"})), "Header[0].Name: is required"),
            (
                header(json!({"Name": "x", "Invert": true})),
                "Header[0]: needs exactly one of Present",
            ),
            (
                header(json!({"Name": "x", "Exact": "1", "Suffix": "2"})),
                "Header[0]: needs exactly one of Present",
            ),
            (
                query(json!({"Regex": "1"})),
                "QueryParam[0].Name: is required",
            ),
            (
                query(json!({"Name": "q"})),
                "QueryParam[0]: needs exactly one of Present, Exact and Regex",
            ),
            (
                query(json!({"Name": "q", "Present": true, "Exact": "1"})),
                "QueryParam[0]: needs exactly one of",
            ),
            (
                router(json!({"Methods": ["FETCH"]}), json!({})),
                "Methods[0]: \"FETCH\" is none of \"GET\"",
            ),
            (
                router(json!({"Methods": ["GET", "get"]}), json!({})),
                "Methods[1]: \"GET\" is there more than once",
            ),
            (
                router(json!({"PathRegex": "/a"}), json!({"PrefixRewrite": "/b"})),
                "Routes[1].Destination.PrefixRewrite: must be omitted unless",
            ),
            (
                json!({"Name": "till", "Routes": [{"Destination": {"PrefixRewrite": "/b"}}]}),
                "Routes[0].Destination.PrefixRewrite: must be omitted unless",
            ),
            (
                router(json!({}), json!({"RetryOn": ["reset", "5XX"]})),
                "Routes[1].Destination.RetryOn[1]: \"5XX\" is none of \"5xx\"",
            ),
        ],
    );
}

#[test]
fn a_splitter_prints_its_weights_to_two_places() {
    let written = json!({"Name": "till", "Splits": [{"Weight": 33.333, "Service": "desk", "ServiceSubset": "v1"}, {"Weight": 66.67, "RequestHeaders": {"Set": {"a": "b"}}}]});
    let mut expected = written.clone();
    expected["Splits"][0]["Weight"] = json!(33.33);
    assert_eq!(printed(Kind::ServiceSplitter, written), expected);
}

#[test]
fn a_splitter_is_refused_for_each_rule_that_it_breaks() {
    let splits = |splits: Value| json!({"Name": "till", "Splits": splits});
    refused(
        Kind::ServiceSplitter,
        &[
            (json!({"Splits": [{"Weight": 100}]}), "Name: is required"),
            (splits(json!([])), "Splits: is required"),
            (
                splits(json!([{"Weight": 50}, {"Weight": 49.99, "Service": "desk"}])),
                "Splits: the weights have to add up to 100, and add up to 99.99",
            ),
            (splits(json!([{"Weight": -0.5}])), "and add up to -0.50"),
            (
                splits(json!([{"Weight": 50, "Service": "till"}, {"Weight": 50}])),
                "Splits[1]: \"till\" is there more than once",
            ),
            (
                splits(
                    json!([{"Weight": 50, "ServiceSubset": "a"}, {"Weight": 50, "ServiceSubset": "a"}]),
                ),
                "Splits[1]: \"a of till\" is there more than once",
            ),
        ],
    );
}

#[test]
fn what_a_splitter_may_say_that_looks_wrong() {
    for splits in [
        json!([{"Weight": -10}, {"Weight": 110, "Service": "desk"}]),
        json!([{"Weight": 50, "RequestHeaders": {}}, {"Weight": 50, "RequestHeaders": {}}]),
        json!([{"Weight": 50, "ServiceSubset": "a"}, {"Weight": 50, "ServiceSubset": "b"}]),
        json!([{"Weight": 100, "Namespace": "n", "Partition": "p"}]),
        json!([{"Weight": 49.995}, {"Weight": 50, "Service": "desk"}]),
    ] {
        let entry = json!({"Name": "till", "Splits": splits});
        assert!(
            parse(Kind::ServiceSplitter, entry.clone()).is_ok(),
            "{entry}"
        );
    }
}

#[test]
fn a_resolver_prints_what_was_written_and_no_zeros() {
    let written = resolver(json!({
        "DefaultSubset": "v1", "ConnectTimeout": 2_500_000_000_i64, "RequestTimeout": "61s", "Redirect": null,
        "Failover": {"*": {"Targets": [{"Service": "desk"}, {"Peer": "isle"}, {}], "Policy": {}}, "v2": {"Service": "desk", "Datacenters": ["dc2"]}},
        "LoadBalancer": {"Policy": "ring_hash", "RingHashConfig": {"MinimumRingSize": 10}, "HashPolicies": [{"Field": "cookie", "FieldValue": "c", "CookieConfig": {"TTL": "1h", "Path": "/"}}]},
    }));
    let mut expected = written.clone();
    expected["ConnectTimeout"] = json!("2.5s");
    expected["RequestTimeout"] = json!("1m1s");
    expected.as_object_mut().unwrap().remove("Redirect");
    expected["LoadBalancer"]["HashPolicies"][0]["CookieConfig"]["TTL"] =
        json!(3_600_000_000_000_i64);
    assert_eq!(printed(Kind::ServiceResolver, written), expected);
    let empty = json!({"Name": "till", "Failover": {}, "Subsets": {}, "LoadBalancer": {}});
    assert_eq!(
        printed(Kind::ServiceResolver, empty),
        json!({"Name": "till", "LoadBalancer": {}})
    );
}

#[test]
fn a_resolver_s_subsets_and_timeouts_have_rules() {
    let named = |name: &str| json!({"Name": "till", "Subsets": {name: {}}});
    let longest = "a".repeat(64);
    let name = "is not a name of 1 to 63";
    refused(
        Kind::ServiceResolver,
        &[
            (json!({}), "Name: is required"),
            (named(""), name),
            (named(&longest), name),
            (named("V1"), name),
            (named("-a"), name),
            (named("a-"), name),
            (named("a.b"), name),
            (named("a_b"), name),
            (named("*"), name),
            (
                resolver(json!({"DefaultSubset": "v9"})),
                "DefaultSubset: \"v9\" is no subset of \"till\"",
            ),
            (
                resolver(json!({"PrioritizeByLocality": {"Mode": "failover"}})),
                "PrioritizeByLocality.Mode: is a Consul Enterprise feature",
            ),
            (
                resolver(json!({"ConnectTimeout": "-1s"})),
                "ConnectTimeout: -1000000000 is not between 0",
            ),
            (
                resolver(json!({"RequestTimeout": -1})),
                "RequestTimeout: -1 is not between 0",
            ),
        ],
    );
    assert!(parse(Kind::ServiceResolver, named(&longest[1..])).is_ok());
    assert!(parse(Kind::ServiceResolver, named("1")).is_ok());
}

#[test]
fn a_redirect_has_rules() {
    let redirect = |fields: Value| resolver(json!({"Redirect": fields}));
    let enterprise = "is a Consul Enterprise feature";
    refused(
        Kind::ServiceResolver,
        &[
            (redirect(json!({})), "Redirect: is required"),
            (
                redirect(json!({"Service": "desk", "Namespace": "default"})),
                enterprise,
            ),
            (
                redirect(json!({"Service": "desk", "Partition": "p"})),
                enterprise,
            ),
            (
                redirect(json!({"Service": "desk", "SamenessGroup": "g"})),
                enterprise,
            ),
            (
                resolver(
                    json!({"Redirect": {"Service": "desk"}, "Failover": {"*": {"Service": "x"}}}),
                ),
                "Redirect: cannot be set together with Failover",
            ),
            (
                redirect(json!({"Service": "desk", "Peer": "p", "ServiceSubset": "s"})),
                "Redirect.ServiceSubset: cannot be set together with Redirect.Peer",
            ),
            (
                redirect(json!({"Service": "desk", "Peer": "p", "Datacenter": "d"})),
                "Redirect.Datacenter: cannot be set together with Redirect.Peer",
            ),
            (
                redirect(json!({"ServiceSubset": "v1"})),
                "Redirect.ServiceSubset: must be omitted unless there is a Redirect.Service",
            ),
            (
                redirect(json!({"Peer": "p"})),
                "Redirect.Peer: must be omitted unless there is a Redirect.Service",
            ),
            (
                redirect(json!({"Service": "till", "ServiceSubset": "v9"})),
                "Redirect.ServiceSubset: \"v9\" is no subset of \"till\"",
            ),
        ],
    );
    for fields in [
        json!({"Datacenter": "dc2"}),
        json!({"Service": "till"}),
        json!({"Service": "till", "ServiceSubset": "v1"}),
        json!({"Service": "desk", "ServiceSubset": "v9"}),
    ] {
        let entry = redirect(fields);
        assert!(
            parse(Kind::ServiceResolver, entry.clone()).is_ok(),
            "{entry}"
        );
    }
}

#[test]
fn failover_has_rules() {
    let target = |fields: Value| failover(json!({"Targets": [{}, fields]}));
    let at = "Failover[\"v1\"]";
    refused(
        Kind::ServiceResolver,
        &[
            (
                resolver(json!({"Failover": {"v9": {"Service": "desk"}}})),
                "Failover[\"v9\"]: \"v9\" is no subset of \"till\"",
            ),
            (
                failover(json!({"Datacenters": [], "Targets": [], "Policy": {}})),
                &format!("{at}: needs at least one of Service"),
            ),
            (
                failover(json!({"Service": "desk", "Namespace": "n"})),
                &format!("{at}.Namespace: is a Consul Enterprise feature"),
            ),
            (
                failover(json!({"SamenessGroup": "g"})),
                &format!("{at}.SamenessGroup: is a Consul Enterprise feature"),
            ),
            (
                failover(json!({"Service": "desk", "Policy": {"Mode": "sequential"}})),
                &format!("{at}.Policy.Mode: is a Consul Enterprise feature"),
            ),
            (
                failover(json!({"ServiceSubset": "v9"})),
                &format!("{at}.ServiceSubset: \"v9\" is no subset of \"till\""),
            ),
            (
                failover(json!({"Targets": [{}], "Datacenters": ["dc2"]})),
                &format!("{at}.Datacenters: cannot be set together with Targets"),
            ),
            (
                failover(json!({"Targets": [{}], "ServiceSubset": "v1"})),
                &format!("{at}.ServiceSubset: cannot be set together with Targets"),
            ),
            (
                failover(json!({"Targets": [{}], "Service": "desk"})),
                &format!("{at}.Service: cannot be set together with Targets"),
            ),
            (
                failover(json!({"Datacenters": ["dc2", ""]})),
                &format!("{at}.Datacenters[1]: is required"),
            ),
            (
                target(json!({"Peer": "p", "ServiceSubset": "s"})),
                &format!("{at}.Targets[1].ServiceSubset: cannot be set together with Peer"),
            ),
            (
                target(json!({"Peer": "p", "Datacenter": "d"})),
                &format!("{at}.Targets[1].Datacenter: cannot be set together with Peer"),
            ),
            (
                target(json!({"Partition": "p"})),
                &format!("{at}.Targets[1].Partition: is a Consul Enterprise feature"),
            ),
            (
                target(json!({"Namespace": "n"})),
                &format!("{at}.Targets[1].Namespace: is a Consul Enterprise feature"),
            ),
            (
                target(json!({"Service": "till", "ServiceSubset": "v9"})),
                &format!("{at}.Targets[1].ServiceSubset: \"v9\" is no subset of \"till\""),
            ),
        ],
    );
}

#[test]
fn load_balancing_has_rules() {
    let policy = "LoadBalancer.HashPolicies[1]";
    refused(
        Kind::ServiceResolver,
        &[
            (
                balancer(json!({"Policy": "fastest"})),
                "LoadBalancer.Policy: \"fastest\" is none of",
            ),
            (
                balancer(json!({"Policy": "maglev", "RingHashConfig": {}})),
                "LoadBalancer.RingHashConfig: must be omitted unless the policy is \"ring_hash\"",
            ),
            (
                balancer(json!({"LeastRequestConfig": {}})),
                "LoadBalancer.LeastRequestConfig: must be omitted unless",
            ),
            (
                balancer(json!({"HashPolicies": [{}]})),
                "LoadBalancer.HashPolicies: must be omitted unless",
            ),
            (
                hashed(json!({"Field": "body", "FieldValue": "x"})),
                &format!("{policy}.Field: \"body\" is none of"),
            ),
            (
                hashed(json!({"Field": "header"})),
                &format!("{policy}.FieldValue: is required"),
            ),
            (
                hashed(json!({"FieldValue": "x"})),
                &format!("{policy}.FieldValue: must be omitted unless there is a Field"),
            ),
            (
                hashed(json!({"SourceIP": true, "Field": "header", "FieldValue": "x"})),
                &format!("{policy}.SourceIP: cannot be set together with Field"),
            ),
            (
                hashed(json!({"SourceIP": true, "FieldValue": "x"})),
                &format!("{policy}.SourceIP: cannot be set together with FieldValue"),
            ),
            (
                hashed(json!({"Field": "header", "FieldValue": "x", "CookieConfig": {}})),
                &format!("{policy}.CookieConfig: must be omitted unless the field is \"cookie\""),
            ),
            (
                hashed(
                    json!({"Field": "cookie", "FieldValue": "x", "CookieConfig": {"Session": true, "TTL": 1}}),
                ),
                &format!("{policy}.CookieConfig.Session: cannot be set together with TTL"),
            ),
        ],
    );
    assert!(parse(Kind::ServiceResolver, hashed(json!({}))).is_ok());
}

#[test]
fn entries_say_which_services_they_lead_to() {
    let names = |services: &mut dyn Iterator<Item = ServiceName>| {
        services
            .map(|service| service.to_string())
            .collect::<Vec<_>>()
    };
    let entry = |kind, json| Entry::try_from(Raw::deserialize(kind, json).unwrap()).unwrap();
    let Entry::ServiceRouter(router) = entry(
        Kind::ServiceRouter,
        router(json!({}), json!({"Service": "desk"})),
    ) else {
        panic!()
    };
    assert_eq!(names(&mut router.related()), ["till", "desk"]);
    let splits = json!({"Name": "till", "Splits": [{"Weight": 10}, {"Weight": 10, "Service": "till", "ServiceSubset": "x"}, {"Weight": 80, "Service": "desk"}]});
    let Entry::ServiceSplitter(splitter) = entry(Kind::ServiceSplitter, splits) else {
        panic!()
    };
    assert_eq!(names(&mut splitter.related()), ["desk"]);
    let targets = json!({"Failover": {
        "v1": {"Targets": [{"Service": "desk"}, {"Service": "far", "Peer": "isle"}, {"Datacenter": "dc2"}]},
        "*": {"Service": "bench"},
    }});
    let Entry::ServiceResolver(failing) = entry(Kind::ServiceResolver, resolver(targets)) else {
        panic!()
    };
    assert_eq!(names(&mut failing.related()), ["bench", "desk"]);
    assert_eq!(
        failing.peers().collect::<Vec<_>>(),
        [PeerName::from("isle")]
    );
    assert_eq!(
        (
            failing
                .failover("v1")
                .is_some_and(|one| one.service.is_empty()),
            failing.failover("").map(|one| one.service.as_str())
        ),
        (true, Some("bench"))
    );
}

#[test]
fn a_resolver_is_default_while_it_shapes_nothing() {
    let is_default = |json: Value| {
        let raw = serde_json::from_value::<RawServiceResolver>(json).unwrap();
        ServiceResolver::try_from(raw).unwrap().is_default()
    };
    assert!(is_default(
        json!({"Name": "till", "Meta": {"a": "b"}, "Failover": {}})
    ));
    for fields in [
        json!({"LoadBalancer": {}}),
        json!({"PrioritizeByLocality": {}}),
        json!({"ConnectTimeout": "1s"}),
        json!({"RequestTimeout": "1s"}),
        json!({"Redirect": {"Service": "till"}}),
        json!({"Subsets": {"a": {}}}),
        json!({"Failover": {"*": {"Service": "desk"}}}),
    ] {
        let mut entry = json!({"Name": "till"});
        entry
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        assert!(!is_default(entry.clone()), "{entry}");
    }
}
