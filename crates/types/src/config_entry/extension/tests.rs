use serde_json::{Value, json};

use super::*;

fn parse(name: &str, arguments: Value) -> Result<Extension, String> {
    let Value::Object(arguments) = arguments else {
        panic!("arguments are an object");
    };
    let extension = EnvoyExtension {
        name: name.to_owned(),
        arguments,
        ..EnvoyExtension::default()
    };
    Extension::parse(&extension).map_err(|error| error.to_string())
}

/// Each row is refused with a text that has the second part in it.
fn refused(name: &str, rows: &[(Value, &str)]) {
    for (arguments, part) in rows {
        let error = parse(name, arguments.clone()).unwrap_err();
        assert!(error.contains(part), "{arguments}: {error}");
    }
}

#[test]
fn there_are_six_extensions() {
    let error = parse("builtin/proxy/validate", json!({})).unwrap_err();
    assert!(
        error.contains("Name: \"builtin/proxy/validate\" is none of"),
        "{error}"
    );
}

#[test]
fn lua_needs_a_script_and_a_side() {
    let lua = parse(
        "builtin/lua",
        json!({"script": "x", "listener": "outbound", "Speed": 9}),
    );
    let expected = Lua {
        listener: Direction::Outbound,
        script: "x".to_owned(),
    };
    assert_eq!(lua, Ok(Extension::Lua(expected)));
    refused(
        "builtin/lua",
        &[
            (
                json!({"Listener": "inbound"}),
                "Arguments.Script: is required",
            ),
            (
                json!({"Script": "x"}),
                "Arguments.Listener: \"\" is none of \"inbound\", \"outbound\"",
            ),
            (
                json!({"Script": 5, "Listener": "inbound"}),
                "Arguments.Script: \"5\" is not a text",
            ),
            (
                json!({"Script": "x", "Listener": "inbound", "ProxyType": "api-gateway"}),
                "Arguments.ProxyType: \"api-gateway\" is none of",
            ),
        ],
    );
}

#[test]
fn lambda_needs_a_name() {
    let lambda = parse(
        "builtin/aws/lambda",
        json!({"ARN": "nonsense", "InvocationMode": "asynchronous"}),
    );
    let expected = AwsLambda {
        arn: "nonsense".to_owned(),
        payload_passthrough: false,
        asynchronous: true,
    };
    assert_eq!(lambda, Ok(Extension::AwsLambda(expected)));
    refused(
        "builtin/aws/lambda",
        &[
            (json!({}), "Arguments.ARN: is required"),
            (
                json!({"ARN": "a", "PayloadPassthrough": "yes"}),
                "PayloadPassthrough: \"\\\"yes\\\"\" is not true or false",
            ),
        ],
    );
}

#[test]
fn external_authorisation_asks_one_service() {
    let config = |config: Value| json!({"Config": config});
    let grpc = |target: Value| config(json!({"GrpcService": {"Target": target}}));
    let Ok(Extension::ExtAuthz(authz)) = parse(
        "builtin/ext-authz",
        grpc(json!({"URI": "http://:8080", "Timeout": "2s"})),
    ) else {
        panic!("it is one");
    };
    let AuthzService::Grpc(service) = &authz.service else {
        panic!("it is one of gRPC");
    };
    let here = TargetAddress::Local {
        host: "localhost".to_owned(),
        port: 8080,
    };
    assert_eq!(service.target.address, here);
    assert_eq!(
        (authz.listener, authz.stat_prefix.as_str()),
        (Direction::Inbound, "response")
    );
    let matcher = |matcher: Value| {
        config(
            json!({"HttpService": {"Target": {"Service": {"Name": "a"}}, "AuthorizationRequest": {"AllowedHeaders": [matcher]}}}),
        )
    };
    assert!(parse("builtin/ext-authz", matcher(json!({"Exact": "x"}))).is_ok());
    refused(
        "builtin/ext-authz",
        &[
            (
                json!({}),
                "Arguments.Config: needs exactly one of GrpcService and HttpService",
            ),
            (
                config(
                    json!({"GrpcService": {"Target": {"URI": "127.0.0.1:1"}}, "HttpService": {"Target": {"URI": "127.0.0.1:1"}}}),
                ),
                "Arguments.Config: needs exactly one of",
            ),
            (
                config(json!({"GrpcService": {}})),
                "Config.GrpcService.Target: is required",
            ),
            (
                grpc(json!({})),
                "Target: needs exactly one of Service and URI",
            ),
            (
                grpc(json!({"URI": "127.0.0.1:1", "Service": {"Name": "x"}})),
                "Target: needs exactly one of",
            ),
            (
                grpc(json!({"URI": "10.0.0.1:1"})),
                "Target.URI: \"10.0.0.1\" is none of",
            ),
            (
                grpc(json!({"URI": "127.0.0.1"})),
                "Target.URI: \"127.0.0.1\" is not a host and a port",
            ),
            (
                grpc(json!({"URI": "localhost:1", "Timeout": "x"})),
                "Target.Timeout: \"x\" is not a duration",
            ),
            (
                matcher(json!({})),
                "AllowedHeaders[0]: needs exactly one of Contains",
            ),
            (
                matcher(json!({"Exact": "a", "Prefix": "b"})),
                "AllowedHeaders[0]: needs exactly one of",
            ),
            (
                config(json!({"GrpcService": {"Target": {"URI": ":1"}}, "StatusOnError": 418})),
                "Config.StatusOnError: \"418\" is not a status that Envoy knows",
            ),
            (
                json!({"ListenerType": "x", "Config": {"GrpcService": {"Target": {"URI": ":1"}}}}),
                "Arguments.ListenerType: \"x\" is none of",
            ),
        ],
    );
}

#[test]
fn access_logs_need_a_collector() {
    let config = |config: Value| json!({"Config": config});
    let Ok(Extension::OtelAccessLogging(logs)) = parse(
        "builtin/otel-access-logging",
        config(
            json!({"GrpcService": {"Target": {"URI": "127.0.0.1:4317"}}, "RetryPolicy": {"RetryBackOff": {}}, "Attributes": {"A_b": 1}}),
        ),
    ) else {
        panic!("it is one");
    };
    assert_eq!(logs.log_name, "inbound");
    assert_eq!(logs.attributes["A_b"], 1);
    let back_off = logs.retry_policy.and_then(|policy| policy.back_off);
    assert_eq!(
        back_off.map(|back_off| back_off.max_interval),
        Some(crate::GoDuration::from_secs(30))
    );
    refused(
        "builtin/otel-access-logging",
        &[
            (config(json!({})), "Config.GrpcService: is required"),
            (
                config(
                    json!({"GrpcService": {"Target": {"URI": ":1"}}, "BufferFlushInterval": "1s"}),
                ),
                "Config.BufferFlushInterval: \"\\\"1s\\\"\" is not a whole number",
            ),
        ],
    );
}

#[test]
fn overrides_name_a_resource_a_field_and_what_happens_to_it() {
    let patch = |fields: Value| {
        let mut patch = json!({
            "ResourceFilter": {"ResourceType": "cluster", "TrafficDirection": "outbound"},
            "Op": "add", "Path": "/respect_dns_ttl", "Value": true,
        });
        crate::config_entry::tests::merge(&mut patch, fields);
        json!({"Patches": patch})
    };
    let Ok(Extension::PropertyOverride(overrides)) = parse(
        "builtin/property-override",
        patch(json!({"Path": "outlier_detection/interval"})),
    ) else {
        panic!("it is one");
    };
    assert_eq!(overrides.patches[0].path, ["outlier_detection", "interval"]);
    assert_eq!(overrides.patches[0].op, PatchOp::Add(json!(true)));
    let filter = |filter: Value| patch(json!({"ResourceFilter": filter}));
    refused(
        "builtin/property-override",
        &[
            (json!({}), "Arguments.Patches: is required"),
            (
                json!({"Patches": [{}]}),
                "Patches[0].ResourceFilter: is required",
            ),
            (
                patch(json!({"Op": "set"})),
                "Patches[0].Op: \"set\" is none of",
            ),
            (
                patch(json!({"Path": ""})),
                "Patches[0].Path: \"\" is not the names of fields",
            ),
            (
                patch(json!({"Path": "/a//b"})),
                "Patches[0].Path: \"/a//b\" is not",
            ),
            (
                patch(json!({"Value": null})),
                "Patches[0].Value: is required with the Op \"add\"",
            ),
            (
                patch(json!({"Op": "remove"})),
                "Patches[0].Value: must be omitted where the Op is",
            ),
            (
                filter(json!({"ResourceType": "secret", "TrafficDirection": "inbound"})),
                "ResourceFilter.ResourceType: \"secret\" is none of",
            ),
            (
                filter(json!({"ResourceType": "cluster", "TrafficDirection": "up"})),
                "ResourceFilter.TrafficDirection: \"up\" is none of",
            ),
            (
                filter(
                    json!({"ResourceType": "cluster", "TrafficDirection": "inbound", "Services": [{"Name": "x"}]}),
                ),
                "ResourceFilter.Services: must be omitted unless",
            ),
        ],
    );
}

#[test]
fn a_module_comes_from_a_file_or_a_server() {
    let code = |code: Value| json!({"Protocol": "http", "ListenerType": "inbound", "PluginConfig": {"VmConfig": {"Code": code}}});
    let remote = |fields: Value| {
        let mut remote =
            json!({"SHA256": "ab", "HttpURI": {"Service": {"Name": "s"}, "URI": "http://s/x"}});
        crate::config_entry::tests::merge(&mut remote, fields);
        code(json!({"Remote": remote}))
    };
    let Ok(Extension::Wasm(wasm)) =
        parse("builtin/wasm", code(json!({"Local": {"Filename": "/x"}})))
    else {
        panic!("it is one");
    };
    assert_eq!((wasm.http, wasm.plugin.vm.runtime.as_str()), (true, "v8"));
    assert_eq!(wasm.plugin.vm.code, WasmCode::Local("/x".to_owned()));
    assert!(parse("builtin/wasm", remote(json!({}))).is_ok());
    let back_off = |back_off: Value| remote(json!({"RetryPolicy": {"RetryBackOff": back_off}}));
    refused(
        "builtin/wasm",
        &[
            (json!({}), "Arguments.Protocol: \"\" is none of"),
            (
                code(json!({})),
                "VmConfig.Code: needs exactly one of Local and Remote",
            ),
            (
                remote(json!({"SHA256": ""})),
                "Code.Remote.SHA256: is required",
            ),
            (
                remote(json!({"HttpURI": {"URI": "u"}})),
                "HttpURI.Service.Name: is required",
            ),
            (
                remote(json!({"RetryPolicy": {"NumRetries": -1}})),
                "RetryPolicy.NumRetries: \"-1\" is not",
            ),
            (
                back_off(json!({"BaseInterval": "x"})),
                "BaseInterval: \"x\" is not a duration",
            ),
            (
                back_off(json!({"BaseInterval": "9s", "MaxInterval": "1s"})),
                "BaseInterval: \"9s\" is not above zero",
            ),
            (
                json!({"Protocol": "http", "ListenerType": "inbound", "PluginConfig": {"VmConfig": {"Runtime": "node", "Code": {"Local": {"Filename": "/x"}}}}}),
                "VmConfig.Runtime: \"node\" is none of",
            ),
        ],
    );
}
