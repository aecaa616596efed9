//! A config entry of every kind, with a value in every field that matters.

use serde_json::{Value, json};
use tribune_types::config_entry::Kind;

pub(crate) fn entries() -> Vec<(Kind, Value)> {
    [services(), gateways()].concat()
}

/// Entries about services and the whole mesh.
fn services() -> Vec<(Kind, Value)> {
    let source = json!({ "Name": "api", "Description": "words", "Permissions": [{
        "Action": "allow", "HTTP": { "PathPrefix": "/v1", "Methods": ["GET"],
        "Header": [{ "Name": "x", "Exact": "y", "Invert": true }] } }] });
    vec![
        (
            Kind::ServiceDefaults,
            json!({ "Name": "Web", "Protocol": "HTTP", "MeshGateway": { "Mode": "remote" },
                "MutualTLSMode": "strict", "ExternalSNI": "x.y", "MaxInboundConnections": 5,
                "Expose": { "Checks": true }, "Meta": { "a": "b" },
                "UpstreamConfig": {
                    "Overrides": [{ "Name": "api", "Protocol": "grpc", "ConnectTimeoutMs": 50,
                        "Limits": { "MaxConnections": 1, "MaxPendingRequests": 0 },
                        "PassiveHealthCheck": { "Interval": "30s", "MaxFailures": 10,
                            "EnforcingConsecutive5xx": 99, "BaseEjectionTime": "5s" } }],
                    "Defaults": { "MeshGateway": { "Mode": "local" } } } }),
        ),
        (
            Kind::ServiceDefaults,
            json!({ "Name": "db", "Destination": { "Addresses": ["a.example.com"], "Port": 443 } }),
        ),
        (
            Kind::ProxyDefaults,
            json!({ "Name": "global", "Mode": "transparent", "Config": { "protocol": "http", "n": 1.25 },
                "AccessLogs": { "Enabled": true }, "Meta": { "a": "b" },
                "FailoverPolicy": { "Mode": "order-by-locality", "Regions": ["a"] },
                "EnvoyExtensions": [{ "Name": "builtin/ext-authz", "Arguments": {
                    "Config": { "GrpcService": { "Target": { "URI": "localhost:9191" } } } } }] }),
        ),
        (
            Kind::ServiceIntentions,
            json!({ "Name": "web", "Sources": [source, { "Name": "*", "Action": "deny" },
                { "Name": "far", "Peer": "other", "Action": "allow" }],
                "JWT": { "Providers": [{ "Name": "okta", "VerifyClaims": [{ "Path": ["a"], "Value": "b" }] }] } }),
        ),
        (
            Kind::Mesh,
            json!({ "TransparentProxy": { "MeshDestinationsOnly": true }, "AllowEnablingPermissiveMutualTLS": true,
                "TLS": { "Incoming": { "TLSMinVersion": "TLSv1_2", "CipherSuites": [] } },
                "HTTP": { "SanitizeXForwardedClientCert": true },
                "Peering": { "PeerThroughMeshGateways": true } }),
        ),
        (
            Kind::ServiceRouter,
            json!({ "Name": "web", "Routes": [{
                "Match": { "HTTP": { "PathPrefix": "/v1", "Header": [{ "Name": "x", "Present": true }],
                    "QueryParam": [{ "Name": "q", "Exact": "1" }], "Methods": ["GET"] } },
                "Destination": { "Service": "api", "PrefixRewrite": "/", "RequestTimeout": "5s",
                    "NumRetries": 3, "RetryOnStatusCodes": [500],
                    "RequestHeaders": { "Add": { "a": "b" }, "Remove": ["c"] } } }] }),
        ),
        (
            Kind::ServiceSplitter,
            json!({ "Name": "web", "Splits": [{ "Weight": 99.5, "ServiceSubset": "v1" },
                { "Weight": 0.5, "Service": "other" }] }),
        ),
        (
            Kind::ServiceResolver,
            json!({ "Name": "web", "DefaultSubset": "v1", "ConnectTimeout": "2s",
                "Subsets": { "v1": { "Filter": "Service.Meta.v == 1", "OnlyPassing": true } },
                "Failover": { "*": { "Datacenters": ["dc2"] } },
                "LoadBalancer": { "Policy": "ring_hash", "RingHashConfig": { "MinimumRingSize": 7 },
                    "HashPolicies": [{ "Field": "cookie", "FieldValue": "x",
                        "CookieConfig": { "TTL": "3s", "Path": "/" } }] } }),
        ),
    ]
}

/// Entries about gateways, what is bound to them, and what is trusted.
fn gateways() -> Vec<(Kind, Value)> {
    vec![
        (
            Kind::ApiGateway,
            json!({ "Name": "gw", "Meta": { "a": "b" }, "Listeners": [{ "Name": "l", "Port": 8443, "Protocol": "http",
                "Hostname": "*.x.com", "TLS": { "Certificates": [{ "Kind": "inline-certificate", "Name": "c" }],
                    "MinVersion": "TLSv1_2" } }] }),
        ),
        (
            Kind::ExportedServices,
            json!({ "Name": "default", "Services": [{ "Name": "web", "Consumers": [{ "Peer": "other" }] }] }),
        ),
        (
            Kind::FileSystemCertificate,
            json!({ "Name": "c", "Certificate": "/c.pem", "PrivateKey": "/k.pem" }),
        ),
        (
            Kind::HttpRoute,
            json!({ "Name": "r", "Hostnames": ["x.com"], "Parents": [{ "Kind": "api-gateway", "Name": "gw",
                "SectionName": "l" }],
                "Rules": [{ "Filters": { "Headers": [{ "Add": { "a": "b" } }], "URLRewrite": { "Path": "/" },
                    "RetryFilter": { "NumRetries": 2 }, "TimeoutFilter": { "RequestTimeout": "2s" } },
                    "Matches": [{ "Method": "GET", "Path": { "Match": "prefix", "Value": "/v1" },
                        "Headers": [{ "Match": "exact", "Name": "h", "Value": "v" }] }],
                    "Services": [{ "Name": "web", "Weight": 3 }] }] }),
        ),
        (
            Kind::TcpRoute,
            json!({ "Name": "r", "Parents": [{ "Kind": "api-gateway", "Name": "gw" }],
                "Services": [{ "Name": "web" }] }),
        ),
        (
            Kind::IngressGateway,
            json!({ "Name": "in", "TLS": { "Enabled": true, "TLSMinVersion": "TLSv1_2" },
                "Defaults": { "MaxConnections": 5, "PassiveHealthCheck": { "Interval": "30s", "MaxFailures": 3 } },
                "Listeners": [{ "Port": 8080, "Protocol": "http", "Services": [{ "Name": "web",
                    "Hosts": ["a.com"], "MaxConcurrentRequests": 7, "RequestHeaders": { "Set": { "a": "b" } } }] }] }),
        ),
        (
            Kind::TerminatingGateway,
            json!({ "Name": "out", "Services": [{ "Name": "db", "CAFile": "/ca.pem", "SNI": "db.x" },
                { "Name": "*" }] }),
        ),
        (
            Kind::JwtProvider,
            json!({ "Name": "okta", "Issuer": "i", "Audiences": ["a"], "ClockSkewSeconds": 20,
                "JSONWebKeySet": { "Remote": { "URI": "https://x/jwks", "RequestTimeoutMs": 500,
                    "CacheDuration": "3s", "FetchAsynchronously": true,
                    "RetryPolicy": { "NumRetries": 2, "RetryPolicyBackOff": { "BaseInterval": "1s",
                        "MaxInterval": "10s" } },
                    "JWKSCluster": { "DiscoveryType": "STATIC", "ConnectTimeout": "2s",
                        "TLSCertificates": { "TrustedCA": { "InlineBytes": "YWJj" } } } } },
                "Locations": [{ "Header": { "Name": "Authorization", "ValuePrefix": "Bearer ", "Forward": true } }],
                "Forwarding": { "HeaderName": "x", "PadForwardPayloadHeader": true },
                "CacheConfig": { "Size": 5 } }),
        ),
    ]
}
