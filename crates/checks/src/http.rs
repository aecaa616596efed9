//! HTTP probes: one request on a connection of its own.

use std::collections::BTreeMap;
use std::pin::pin;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{self, HeaderMap, HeaderName, HeaderValue};
use hyper::{Method, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tribune_local::ProbeResult;
use tribune_types::Status;

use crate::probe::critical;

/// Answers that point elsewhere in a row that are followed.
const REDIRECTS: usize = 10;
/// What the reference says it is, and what servers may look for.
const USER_AGENT: &str = "Consul Health Check";
/// What an answer is asked to be.
const ACCEPT: &str = "text/plain, text/*, */*";

type Error = Box<dyn std::error::Error + Send + Sync>;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Request<'a> {
    pub(crate) url: &'a str,
    pub(crate) method: &'a str,
    pub(crate) headers: &'a BTreeMap<String, Vec<String>>,
    pub(crate) body: &'a str,
    pub(crate) redirects: bool,
}

/// An answer as far as it matters.
struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: String,
}

/// Asks, follows where the answer points to, and judges the last answer: 2xx is well, 429 is too much at the
/// moment, anything else is wrong. At most `limit` bytes of the body are read.
pub(crate) async fn ask(request: &Request<'_>, limit: usize) -> ProbeResult {
    let Request { url, method, .. } = *request;
    match follow(request, limit).await {
        Ok(Answer { status, body, .. }) => ProbeResult {
            status: match status {
                StatusCode::TOO_MANY_REQUESTS => Status::Warning,
                status if status.is_success() => Status::Passing,
                _ => Status::Critical,
            },
            output: format!("HTTP {method} {url}: {status} Output: {body}"),
        },
        Err(error) => critical(format!("HTTP {method} {url}: {}", in_words(&*error))),
    }
}

async fn follow(request: &Request<'_>, limit: usize) -> Result<Answer, Error> {
    let mut uri: Uri = request.url.parse()?;
    let mut method: Method = request.method.parse()?;
    let mut body = Bytes::copy_from_slice(request.body.as_bytes());
    for _ in 0..=REDIRECTS {
        let message = message(&uri, &method, request.headers, body.clone())?;
        let answer = exchange(&uri, message, limit).await?;
        let Some(location) = answer.location.as_deref().filter(|_| request.redirects) else {
            return Ok(answer);
        };
        uri = resolve(&uri, location)?;
        let keeps = [
            StatusCode::TEMPORARY_REDIRECT,
            StatusCode::PERMANENT_REDIRECT,
        ];
        if !keeps.contains(&answer.status) && method != Method::HEAD {
            (method, body) = (Method::GET, Bytes::new());
        }
    }
    Err(format!("more than {REDIRECTS} redirects").into())
}

fn message(
    uri: &Uri,
    method: &Method,
    headers: &BTreeMap<String, Vec<String>>,
    body: Bytes,
) -> Result<hyper::Request<Full<Bytes>>, Error> {
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    let mut map = HeaderMap::new();
    map.insert(header::HOST, HeaderValue::from_str(host)?);
    map.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
    map.insert(header::ACCEPT, HeaderValue::from_static(ACCEPT));
    map.insert(header::CONNECTION, HeaderValue::from_static("close"));
    for (name, values) in headers {
        let name: HeaderName = name.parse()?;
        map.remove(&name);
        for value in values {
            map.append(name.clone(), HeaderValue::from_str(value)?);
        }
    }
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let mut message = hyper::Request::new(Full::new(body));
    *message.method_mut() = method.clone();
    *message.uri_mut() = target.parse()?;
    *message.headers_mut() = map;
    Ok(message)
}

async fn exchange(
    uri: &Uri,
    message: hyper::Request<Full<Bytes>>,
    limit: usize,
) -> Result<Answer, Error> {
    if uri.scheme_str() != Some("http") {
        return Err("only http URLs are probed yet by this agent".into());
    }
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, uri.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let mut connection = pin!(connection);
    let mut answer = pin!(async { read(sender.send_request(message).await?, limit).await });
    tokio::select! {
        answer = &mut answer => answer,
        // The connection may be done before all that it delivered is read.
        _ = &mut connection => answer.await,
    }
}

async fn read(response: Response<Incoming>, limit: usize) -> Result<Answer, Error> {
    let status = response.status();
    let location = response.headers().get(header::LOCATION);
    let location = location.filter(|_| status.is_redirection());
    let location = location.and_then(|location| Some(location.to_str().ok()?.to_owned()));
    let mut body = response.into_body();
    let mut read = Vec::new();
    while read.len() < limit
        && let Some(frame) = body.frame().await
    {
        if let Ok(data) = frame?.into_data() {
            let room = limit - read.len();
            read.extend_from_slice(data.get(..room).unwrap_or(&data));
        }
    }
    Ok(Answer {
        status,
        location,
        body: String::from_utf8_lossy(&read).into_owned(),
    })
}

/// Where an answer points to: a whole URL, or one that starts from the one that was asked.
fn resolve(base: &Uri, location: &str) -> Result<Uri, Error> {
    let scheme = base.scheme_str().unwrap_or("http");
    let authority = base.authority().map_or("", |authority| authority.as_str());
    let directory = base
        .path()
        .rsplit_once('/')
        .map_or("", |(directory, _)| directory);
    let whole = if location.contains("://") {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        format!("{scheme}://{authority}{directory}/{location}")
    };
    Ok(whole.split('#').next().unwrap_or_default().parse()?)
}

/// An error with what caused it.
fn in_words(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        words = format!("{words}: {error}");
        cause = error.source();
    }
    words
}
