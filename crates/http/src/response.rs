//! Answers as HTTP responses.

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Response, StatusCode};
use serde::Serialize;
use tribune_types::Status;
use tribune_types::call::{Answer, Body};

use crate::api::Settings;
use crate::error::Error;
use crate::stream::{Payload, Streamed};

/// What goes over the wire.
pub(crate) type Wire = Response<Payload>;

const INDEX: HeaderName = HeaderName::from_static("x-consul-index");
const KNOWN_LEADER: HeaderName = HeaderName::from_static("x-consul-knownleader");
const LAST_CONTACT: HeaderName = HeaderName::from_static("x-consul-lastcontact");
const EFFECTIVE_CONSISTENCY: HeaderName = HeaderName::from_static("x-consul-effective-consistency");
const FILTERED: HeaderName = HeaderName::from_static("x-consul-results-filtered-by-acls");
const CONTENT_HASH: HeaderName = HeaderName::from_static("x-consul-contenthash");
const REASON: HeaderName = HeaderName::from_static("x-consul-reason");
const CACHE: HeaderName = HeaderName::from_static("x-cache");
const DEFAULT_POLICY: HeaderName = HeaderName::from_static("x-consul-default-acl-policy");

/// An answer as a response.
pub(crate) fn answer(answer: Answer, consistency: &'static str, indented: bool) -> Wire {
    let (content_type, bytes) = match answer.body {
        Body::Empty => (None, Bytes::new()),
        Body::Json(json) => (
            Some("application/json"),
            if indented { indent(json) } else { json.into() },
        ),
        Body::Text(text) => (Some("text/plain; charset=utf-8"), text.into()),
        Body::Pem(pem) => (Some("application/pem-certificate-chain"), pem.into()),
    };
    let mut response = Response::new(Payload::from(bytes));
    let headers = response.headers_mut();
    if let Some(content_type) = content_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Some(index) = answer.index {
        // an index of 0 would make a client's next request not wait
        headers.insert(INDEX, index.max(1).into());
        let (known, contact) = answer.staleness.map_or((true, 0), |staleness| {
            (staleness.known_leader, staleness.last_contact_millis)
        });
        let known = if known { "true" } else { "false" };
        headers.insert(KNOWN_LEADER, HeaderValue::from_static(known));
        headers.insert(LAST_CONTACT, contact.into());
        headers.insert(EFFECTIVE_CONSISTENCY, HeaderValue::from_static(consistency));
    }
    if answer.filtered_by_acls {
        headers.insert(FILTERED, HeaderValue::from_static("true"));
    }
    if let Some(hash) = answer
        .content_hash
        .and_then(|hash| HeaderValue::from_str(&hash).ok())
    {
        headers.insert(CONTENT_HASH, hash);
    }
    if let Some(hit) = answer.cache_hit {
        headers.insert(
            CACHE,
            HeaderValue::from_static(if hit { "HIT" } else { "MISS" }),
        );
        if hit {
            headers.insert(http::header::AGE, HeaderValue::from_static("0"));
        }
    }
    if let Some(health) = &answer.health {
        if let Ok(reason) = HeaderValue::from_str(health.as_str()) {
            headers.insert(REASON, reason);
        }
        *response.status_mut() = match health {
            Status::Passing => StatusCode::OK,
            Status::Warning => StatusCode::TOO_MANY_REQUESTS,
            Status::Critical | Status::Maintenance | Status::Other(_) => {
                StatusCode::SERVICE_UNAVAILABLE
            }
        };
    }
    if answer.missing {
        *response.status_mut() = StatusCode::NOT_FOUND;
    }
    if answer.unwell {
        *response.status_mut() = StatusCode::TOO_MANY_REQUESTS;
    }
    response
}

/// An answer that comes piece by piece as a response.
pub(crate) fn streamed(streamed: Streamed, consistency: &'static str) -> Wire {
    let Streamed {
        answer: head,
        content_type,
        chunks,
    } = streamed;
    let mut response = answer(head, consistency, false);
    if let Some(chunks) = chunks {
        *response.body_mut() = Payload::from(chunks);
        let content_type = HeaderValue::from_static(content_type);
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response
}

/// An error as a response.
pub(crate) fn error(error: &Error) -> Wire {
    let mut response = text(error.text());
    *response.status_mut() = error.status();
    if let Error::Method { allowed, .. } = error {
        allow(&mut response, allowed);
    }
    response
}

/// The answer to `OPTIONS`.
pub(crate) fn methods(allowed: &str) -> Wire {
    let mut response = Response::new(Payload::default());
    allow(&mut response, allowed);
    response
}

/// Plain text.
pub(crate) fn text(text: String) -> Wire {
    let mut response = Response::new(Payload::from(Bytes::from(text)));
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("text/plain; charset=utf-8"),
    );
    response
}

fn allow(response: &mut Wire, allowed: &str) {
    if let Ok(value) = HeaderValue::from_str(allowed) {
        response.headers_mut().insert(ALLOW, value);
    }
}

/// Puts the headers on that every answer has.
pub(crate) fn finish(mut response: Wire, settings: &Settings) -> Wire {
    let headers = response.headers_mut();
    let policy = if settings.default_allow {
        "allow"
    } else {
        "deny"
    };
    headers.insert(DEFAULT_POLICY, HeaderValue::from_static(policy));
    for (name, value) in &settings.response_headers {
        headers.insert(name, value.clone());
    }
    response
}

/// JSON with four spaces a level and a final newline.
fn indent(json: Vec<u8>) -> Bytes {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(&json) else {
        return json.into();
    };
    let mut out = Vec::with_capacity(json.len() * 2);
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    if value.serialize(&mut serializer).is_err() {
        return json.into();
    }
    out.push(b'\n');
    out.into()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[test]
    fn an_index_of_zero_is_sent_as_one() {
        let response = answer(
            Answer {
                index: Some(0),
                ..Answer::default()
            },
            "leader",
            false,
        );
        assert_eq!(response.headers()["x-consul-index"], "1");
        assert_eq!(
            response.headers()["x-consul-effective-consistency"],
            "leader"
        );
    }

    #[tokio::test]
    async fn an_indented_answer_means_the_same() {
        let compact = answer(
            Answer::json(&serde_json::json!({"a": [1, 2]})),
            "leader",
            false,
        );
        let indented = answer(
            Answer::json(&serde_json::json!({"a": [1, 2]})),
            "leader",
            true,
        );
        let bytes =
            |response: Wire| async { response.into_body().collect().await.unwrap().to_bytes() };
        assert_eq!(bytes(compact).await, "{\"a\":[1,2]}");
        assert_eq!(
            bytes(indented).await,
            "{\n    \"a\": [\n        1,\n        2\n    ]\n}\n"
        );
    }

    #[test]
    fn health_sets_the_status() {
        let status = |health| {
            answer(
                Answer {
                    health: Some(health),
                    ..Answer::default()
                },
                "leader",
                false,
            )
            .status()
        };
        assert_eq!(status(Status::Passing), 200);
        assert_eq!(status(Status::Warning), 429);
        assert_eq!(status(Status::Critical), 503);
    }
}
