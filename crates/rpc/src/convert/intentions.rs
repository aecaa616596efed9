//! Intentions.

use std::sync::Arc;

use tribune_derived::Intentions;
use tribune_proto::rpc::v1::{
    self as proto, header_match, jwt_requirement as jwt_proto, permission,
};
use tribune_types::config_entry::{
    Action, Effect, HeaderMatch, HeaderValue, HttpPermission, JwtClaim, JwtProvider,
    JwtRequirement, PathMatch, Permission,
};
use tribune_types::intention::Intention;

use super::names::{service, service_message};
use super::{Malformed, present};

const fn action_message(action: Action) -> proto::Action {
    match action {
        Action::Allow => proto::Action::Allow,
        Action::Deny => proto::Action::Deny,
    }
}

/// The action, or `None` where there is none.
fn action(message: i32) -> Result<Option<Action>, Malformed> {
    match proto::Action::try_from(message) {
        Ok(proto::Action::Unspecified) => Ok(None),
        Ok(proto::Action::Allow) => Ok(Some(Action::Allow)),
        Ok(proto::Action::Deny) => Ok(Some(Action::Deny)),
        Err(error) => Err(Malformed::new("action", error)),
    }
}

fn jwt_message(jwt: &JwtRequirement) -> proto::JwtRequirement {
    let JwtRequirement { providers } = jwt;
    let claim = |claim: &JwtClaim| {
        let JwtClaim { path, value } = claim;
        jwt_proto::Claim {
            path: path.clone(),
            value: value.clone(),
        }
    };
    let provider = |provider: &JwtProvider| {
        let JwtProvider {
            name,
            verify_claims,
        } = provider;
        jwt_proto::Provider {
            name: name.clone(),
            verify_claims: verify_claims.iter().map(claim).collect(),
        }
    };
    proto::JwtRequirement {
        providers: providers.iter().map(provider).collect(),
    }
}

fn jwt(message: proto::JwtRequirement) -> JwtRequirement {
    let claim = |message: jwt_proto::Claim| JwtClaim {
        path: message.path,
        value: message.value,
    };
    let provider = |message: jwt_proto::Provider| JwtProvider {
        name: message.name,
        verify_claims: message.verify_claims.into_iter().map(claim).collect(),
    };
    JwtRequirement {
        providers: message.providers.into_iter().map(provider).collect(),
    }
}

fn header_message(header: &HeaderMatch) -> proto::HeaderMatch {
    let HeaderMatch {
        name,
        value,
        invert,
        ignore_case,
    } = header;
    let value = match value {
        HeaderValue::Present => header_match::Value::Present(proto::Unit {}),
        HeaderValue::Exact(text) => header_match::Value::Exact(text.clone()),
        HeaderValue::Prefix(text) => header_match::Value::Prefix(text.clone()),
        HeaderValue::Suffix(text) => header_match::Value::Suffix(text.clone()),
        HeaderValue::Contains(text) => header_match::Value::Contains(text.clone()),
        HeaderValue::Regex(text) => header_match::Value::Regex(text.clone()),
    };
    proto::HeaderMatch {
        name: name.clone(),
        value: Some(value),
        invert: *invert,
        ignore_case: *ignore_case,
    }
}

fn header(message: proto::HeaderMatch) -> Result<HeaderMatch, Malformed> {
    let value = match present("permission.headers", message.value)? {
        header_match::Value::Present(proto::Unit {}) => HeaderValue::Present,
        header_match::Value::Exact(text) => HeaderValue::Exact(text),
        header_match::Value::Prefix(text) => HeaderValue::Prefix(text),
        header_match::Value::Suffix(text) => HeaderValue::Suffix(text),
        header_match::Value::Contains(text) => HeaderValue::Contains(text),
        header_match::Value::Regex(text) => HeaderValue::Regex(text),
    };
    Ok(HeaderMatch {
        name: message.name,
        value,
        invert: message.invert,
        ignore_case: message.ignore_case,
    })
}

fn permission_message(permission: &Permission) -> proto::Permission {
    let Permission { action, http, jwt } = permission;
    let HttpPermission {
        path,
        headers,
        methods,
    } = http;
    let path = match path {
        PathMatch::Any => permission::Path::Any(proto::Unit {}),
        PathMatch::Exact(text) => permission::Path::Exact(text.clone()),
        PathMatch::Prefix(text) => permission::Path::Prefix(text.clone()),
        PathMatch::Regex(text) => permission::Path::Regex(text.clone()),
    };
    proto::Permission {
        action: action_message(*action).into(),
        path: Some(path),
        headers: headers.iter().map(header_message).collect(),
        methods: methods.clone(),
        jwt: jwt.as_ref().map(jwt_message),
    }
}

/// A path of a kind that this version does not know is no path, and refused: it is not any path.
fn permission(message: proto::Permission) -> Result<Permission, Malformed> {
    let path = match present("permission.path", message.path)? {
        permission::Path::Any(proto::Unit {}) => PathMatch::Any,
        permission::Path::Exact(text) => PathMatch::Exact(text),
        permission::Path::Prefix(text) => PathMatch::Prefix(text),
        permission::Path::Regex(text) => PathMatch::Regex(text),
    };
    let headers = message.headers.into_iter().map(header);
    Ok(Permission {
        action: present("permission.action", action(message.action)?)?,
        http: HttpPermission {
            path,
            headers: headers.collect::<Result<_, _>>()?,
            methods: message.methods,
        },
        jwt: message.jwt.map(jwt),
    })
}

fn intention_message(intention: &Intention) -> proto::Intention {
    let Intention {
        source,
        peer,
        destination,
        effect,
        jwt,
        precedence,
        description,
        meta,
    } = intention;
    let (action, permissions): (_, &[Permission]) = match effect {
        Effect::Action(action) => (action_message(*action), &[]),
        Effect::Permissions(permissions) => (proto::Action::Unspecified, permissions),
    };
    proto::Intention {
        source: Some(service_message(source)),
        peer: peer.as_str().to_owned(),
        destination: Some(service_message(destination)),
        action: action.into(),
        permissions: permissions.iter().map(permission_message).collect(),
        jwt: jwt.as_deref().map(jwt_message),
        precedence: (*precedence).into(),
        description: description.clone(),
        meta: meta.clone(),
    }
}

fn intention(message: proto::Intention) -> Result<Intention, Malformed> {
    let effect = match action(message.action)? {
        Some(action) => Effect::Action(action),
        None if message.permissions.is_empty() => {
            return Err(Malformed::missing("intention.permissions"));
        }
        None => {
            let permissions = message.permissions.into_iter().map(permission);
            Effect::Permissions(permissions.collect::<Result<_, _>>()?)
        }
    };
    Ok(Intention {
        source: service("intention.source", message.source)?,
        peer: message.peer.into(),
        destination: service("intention.destination", message.destination)?,
        effect,
        jwt: message.jwt.map(|message| Arc::new(jwt(message))),
        precedence: u8::try_from(message.precedence)
            .map_err(|error| Malformed::new("intention.precedence", error))?,
        description: message.description,
        meta: message.meta,
    })
}

pub(super) fn intentions_message(value: &Intentions) -> proto::Intentions {
    let Intentions {
        intentions,
        default_allow,
    } = value;
    let messages = intentions
        .iter()
        .map(|intention| intention_message(intention));
    proto::Intentions {
        intentions: messages.collect(),
        default_allow: *default_allow,
    }
}

pub(super) fn intentions(message: proto::Intentions) -> Result<Intentions, Malformed> {
    let intentions = message
        .intentions
        .into_iter()
        .map(|message| intention(message).map(Arc::new));
    Ok(Intentions {
        intentions: intentions.collect::<Result<_, _>>()?,
        default_allow: message.default_allow,
    })
}
