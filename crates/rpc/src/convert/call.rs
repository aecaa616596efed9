//! Requests and answers.

use std::time::Duration;

use serde::Deserialize;
use tribune_proto::rpc::v1::{
    self as proto, answer::Body as BodyMessage, call_error::Kind, options::Consistency as Fresh,
};
use tribune_types::Token;
use tribune_types::call::{
    Answer, Body, CallError, Consistency, OperatorRequest, Options, Query, Request, Write,
};

use super::{Malformed, from_json, present, to_json};
use crate::{Call, Failure, Reply};

/// Version of the encoding of requests: JSON, by the name of the variant.
const ENCODING: u32 = 1;

/// A request as it was read, which has no form for requests to an agent itself: they do not travel.
#[derive(Deserialize)]
enum Sent {
    Query(Query),
    Write(Write),
    Operator(OperatorRequest),
}

/// A request as it is sent.
pub(crate) fn request_message(
    request: &Request,
    options: &Options,
    forwarded: bool,
) -> Option<proto::CallRequest> {
    let request = match request {
        Request::Query(query) => to_json(&serde_json::json!({ "Query": query })),
        Request::Write(write) => to_json(&serde_json::json!({ "Write": write })),
        Request::Operator(request) => to_json(&serde_json::json!({ "Operator": request })),
        Request::Agent(_) => return None,
    };
    Some(proto::CallRequest {
        encoding: ENCODING,
        request,
        options: Some(options_message(options)),
        forwarded,
    })
}

pub(crate) fn request(message: proto::CallRequest) -> Result<Call, Malformed> {
    if message.encoding != ENCODING {
        let reason = format!(
            "it is encoded in form {}, and this version reads form {ENCODING}",
            message.encoding
        );
        return Err(Malformed::new("request", reason));
    }
    let request = match from_json("request", &message.request)? {
        Sent::Query(query) => Request::Query(query),
        Sent::Write(write) => Request::Write(write),
        Sent::Operator(request) => Request::Operator(request),
    };
    Ok(Call {
        request,
        options: options(present("options", message.options)?)?,
        forwarded: message.forwarded,
    })
}

fn options_message(options: &Options) -> proto::Options {
    let Options {
        token,
        datacenter,
        consistency,
        min_index,
        wait,
        filter,
        node_meta,
        peer,
        cached,
    } = options;
    let consistency = match consistency {
        Consistency::Default => Fresh::Default,
        Consistency::Stale => Fresh::Stale,
        Consistency::Consistent => Fresh::Consistent,
    };
    let pair = |(key, value): &(String, String)| proto::options::Pair {
        key: key.clone(),
        value: value.clone(),
    };
    proto::Options {
        token: token.secret().to_owned(),
        datacenter: datacenter.clone(),
        consistency: consistency.into(),
        min_index: *min_index,
        // the longest wait there can be is far below 500 years
        wait_nanos: wait.map(|wait| u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)),
        filter: filter.clone(),
        node_meta: node_meta.iter().map(pair).collect(),
        peer: peer.as_str().to_owned(),
        cached: *cached,
    }
}

fn options(message: proto::Options) -> Result<Options, Malformed> {
    let consistency = match Fresh::try_from(message.consistency) {
        Ok(Fresh::Default) => Consistency::Default,
        Ok(Fresh::Stale) => Consistency::Stale,
        Ok(Fresh::Consistent) => Consistency::Consistent,
        Err(error) => return Err(Malformed::new("options.consistency", error)),
    };
    let node_meta = message.node_meta.into_iter();
    Ok(Options {
        token: Token::from(message.token.as_str()),
        datacenter: message.datacenter,
        consistency,
        min_index: message.min_index,
        wait: message.wait_nanos.map(Duration::from_nanos),
        filter: message.filter,
        node_meta: node_meta.map(|pair| (pair.key, pair.value)).collect(),
        peer: message.peer.into(),
        cached: message.cached,
    })
}

pub(crate) fn reply_message(reply: Reply) -> proto::Reply {
    let Reply {
        answer,
        known_leader,
        last_contact_millis,
    } = reply;
    proto::Reply {
        answer: Some(answer_message(answer)),
        known_leader,
        last_contact_millis,
    }
}

pub(crate) fn reply(message: proto::Reply) -> Result<Reply, Malformed> {
    Ok(Reply {
        answer: answer(present("reply.answer", message.answer)?)?,
        known_leader: message.known_leader,
        last_contact_millis: message.last_contact_millis,
    })
}

fn answer_message(answer: Answer) -> proto::Answer {
    let Answer {
        body,
        index,
        filtered_by_acls,
        content_hash,
        health,
        cache_hit,
        missing,
        unwell,
        // part of the reply
        staleness: _,
    } = answer;
    let body = match body {
        Body::Empty => None,
        Body::Json(json) => Some(BodyMessage::Json(json.into())),
        Body::Text(text) => Some(BodyMessage::Text(text)),
        Body::Pem(pem) => Some(BodyMessage::Pem(pem)),
    };
    proto::Answer {
        body,
        index,
        filtered_by_acls,
        content_hash,
        health: health.map(|health| health.as_str().to_owned()),
        cache_hit,
        missing,
        unwell,
    }
}

fn answer(message: proto::Answer) -> Result<Answer, Malformed> {
    let body = match message.body {
        None => Body::Empty,
        Some(BodyMessage::Json(json)) => Body::Json(Vec::from(json)),
        Some(BodyMessage::Text(text)) => Body::Text(text),
        Some(BodyMessage::Pem(pem)) => Body::Pem(pem),
    };
    Ok(Answer {
        body,
        index: message.index,
        filtered_by_acls: message.filtered_by_acls,
        content_hash: message.content_hash,
        health: message.health.map(|health| health.as_str().into()),
        cache_hit: message.cache_hit,
        missing: message.missing,
        unwell: message.unwell,
        staleness: None,
    })
}

pub(crate) fn failure_message(failure: Failure) -> proto::CallError {
    let Failure { error, retry } = failure;
    let (kind, message) = match error {
        CallError::BadRequest(text) => (Kind::BadRequest, text),
        CallError::Denied(text) => (Kind::Denied, text),
        CallError::UnknownToken => (Kind::UnknownToken, String::new()),
        CallError::NotFound(text) => (Kind::NotFound, text),
        CallError::Refused(text) => (Kind::Refused, text),
        CallError::TooMany(text) => (Kind::TooMany, text),
        CallError::Unavailable(text) => (Kind::Unavailable, text),
    };
    proto::CallError {
        kind: kind.into(),
        message,
        retry,
    }
}

/// A failure of a kind that this version does not know is still one.
pub(crate) fn failure(message: proto::CallError) -> Failure {
    let text = message.message;
    let error = match Kind::try_from(message.kind) {
        Ok(Kind::BadRequest) => CallError::BadRequest(text),
        Ok(Kind::Denied) => CallError::Denied(text),
        Ok(Kind::UnknownToken) => CallError::UnknownToken,
        Ok(Kind::NotFound) => CallError::NotFound(text),
        Ok(Kind::TooMany) => CallError::TooMany(text),
        Ok(Kind::Unavailable) => CallError::Unavailable(text),
        Ok(Kind::Refused | Kind::Unspecified) | Err(_) => CallError::Refused(text),
    };
    Failure {
        error,
        retry: message.retry,
    }
}
