//! The client itself: one request at a time, any number at once.

use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, header};
use http_body_util::Full;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::RequestBody;
use crate::options::Query;
use crate::transport::{Download, Transport};
use crate::{
    Address, Agent, Answer, Catalog, Config, ConfigEntries, ConfigError, Connect, Error, Health,
    Intentions, Mesh, Operator, QueryOptions, Snapshot, Status,
};

#[cfg(test)]
mod tests;

/// A client of one agent. Clones share its connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    config: Config,
    transport: Transport,
}

// === impl Client ===

impl Client {
    /// A client with these settings. Nothing is connected yet.
    ///
    /// # Errors
    /// Where certificates cannot be read or used.
    pub fn new(config: Config) -> Result<Self, ConfigError> {
        let transport = Transport::new(&config)?;
        Ok(Self(Arc::new(Inner { config, transport })))
    }

    /// The settings it was made with.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The agent itself: its services, checks and members.
    #[must_use]
    pub const fn agent(&self) -> Agent<'_> {
        Agent(self)
    }

    /// The catalog: nodes and services of the cluster.
    #[must_use]
    pub const fn catalog(&self) -> Catalog<'_> {
        Catalog(self)
    }

    /// Instances and checks by their health.
    #[must_use]
    pub const fn health(&self) -> Health<'_> {
        Health(self)
    }

    /// Config entries.
    #[must_use]
    pub const fn config_entries(&self) -> ConfigEntries<'_> {
        ConfigEntries(self)
    }

    /// Intentions.
    #[must_use]
    pub const fn intentions(&self) -> Intentions<'_> {
        Intentions(self)
    }

    /// The mesh's certificate authority and discovery chains.
    #[must_use]
    pub const fn connect(&self) -> Connect<'_> {
        Connect(self)
    }

    /// The servers.
    #[must_use]
    pub const fn status(&self) -> Status<'_> {
        Status(self)
    }

    /// How the cluster is operated.
    #[must_use]
    pub const fn operator(&self) -> Operator<'_> {
        Operator(self)
    }

    /// Snapshots of everything that the servers keep.
    #[must_use]
    pub const fn snapshot(&self) -> Snapshot<'_> {
        Snapshot(self)
    }

    /// The connected proxies.
    #[must_use]
    pub const fn mesh(&self) -> Mesh<'_> {
        Mesh(self)
    }

    pub(crate) async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        options: &QueryOptions,
    ) -> Result<Answer<T>, Error> {
        self.query(path, options.query()).await
    }

    pub(crate) async fn query<T: DeserializeOwned>(
        &self,
        path: &str,
        query: Query,
    ) -> Result<Answer<T>, Error> {
        let response = self.request(Method::GET, path, query, Bytes::new()).await?;
        Ok(Answer::new(
            response.headers(),
            decode(path, response.body())?,
        ))
    }

    /// As [`Client::get`], where a missing thing is an answer too: `None`, with an index to wait on.
    pub(crate) async fn get_optional<T: DeserializeOwned>(
        &self,
        path: &str,
        query: Query,
    ) -> Result<Answer<Option<T>>, Error> {
        let response = self.send(Method::GET, path, query, Bytes::new()).await?;
        if response.status() == http::StatusCode::NOT_FOUND {
            return Ok(Answer::new(response.headers(), None));
        }
        let response = checked(response)?;
        Ok(Answer::new(
            response.headers(),
            Some(decode(path, response.body())?),
        ))
    }

    pub(crate) async fn put<B: Serialize + ?Sized>(
        &self,
        path: &str,
        query: Query,
        body: &B,
    ) -> Result<Bytes, Error> {
        self.write(Method::PUT, path, query, body).await
    }

    pub(crate) async fn write<B: Serialize + ?Sized>(
        &self,
        method: Method,
        path: &str,
        query: Query,
        body: &B,
    ) -> Result<Bytes, Error> {
        let body = serde_json::to_vec(body).map_err(|source| Error::Decode {
            path: path.to_owned(),
            source,
        })?;
        Ok(self
            .request(method, path, query, body.into())
            .await?
            .into_body())
    }

    pub(crate) async fn delete(&self, path: &str, query: Query) -> Result<Bytes, Error> {
        Ok(self
            .request(Method::DELETE, path, query, Bytes::new())
            .await?
            .into_body())
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        query: Query,
        body: Bytes,
    ) -> Result<Response<Bytes>, Error> {
        self.send(method, path, query, body).await.and_then(checked)
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        query: Query,
        body: Bytes,
    ) -> Result<Response<Bytes>, Error> {
        let mut request = self.head(method, path, query)?;
        if !body.is_empty() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        self.0.transport.send(request.body(Full::new(body))?).await
    }

    /// Sends a body that is read meanwhile, and gives the answer's piece by piece. What is refused is an error.
    pub(crate) async fn stream(
        &self,
        method: Method,
        path: &str,
        query: Query,
        body: RequestBody,
    ) -> Result<Response<Download>, Error> {
        let request = self.head(method, path, query)?.body(body)?;
        let response = self.0.transport.stream(request).await?;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status().as_u16();
        let body = response.into_body().rest().await?;
        let body = String::from_utf8_lossy(&body).into_owned();
        Err(Error::Status { status, body })
    }

    /// Everything of a request but its body.
    fn head(
        &self,
        method: Method,
        path: &str,
        mut query: Query,
    ) -> Result<http::request::Builder, Error> {
        let config = &self.0.config;
        for (name, value) in [("ns", &config.namespace), ("partition", &config.partition)] {
            if !value.is_empty() {
                query.push((name, value.clone()));
            }
        }
        let (host, prefix) = match &config.address {
            Address::Tcp {
                host,
                port,
                path_prefix,
                ..
            } => {
                let host = if host.contains(':') {
                    format!("[{host}]:{port}")
                } else {
                    format!("{host}:{port}")
                };
                (host, path_prefix.as_str())
            }
            Address::Unix(_) => ("localhost".to_owned(), ""),
        };
        let mut target = format!("{prefix}{path}");
        for (position, (name, value)) in query.iter().enumerate() {
            target.push(if position == 0 { '?' } else { '&' });
            target.push_str(name);
            if !value.is_empty() {
                target.push('=');
                target.push_str(&escape(value));
            }
        }
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .header(header::HOST, host);
        if !config.token.is_anonymous() {
            let mut token =
                HeaderValue::from_str(config.token.secret()).map_err(http::Error::from)?;
            token.set_sensitive(true);
            request = request.header("X-Consul-Token", token);
        }
        if let Some(auth) = &config.basic_auth {
            let credentials = STANDARD.encode(format!("{}:{}", auth.user, auth.password));
            request = request.header(header::AUTHORIZATION, format!("Basic {credentials}"));
        }
        Ok(request)
    }
}

fn checked(response: Response<Bytes>) -> Result<Response<Bytes>, Error> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let body = String::from_utf8_lossy(response.body()).into_owned();
    Err(Error::Status {
        status: status.as_u16(),
        body,
    })
}

pub(crate) fn decode<T: DeserializeOwned>(path: &str, body: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(body).map_err(|source| Error::Decode {
        path: path.to_owned(),
        source,
    })
}

/// Text as one segment of a path or one value of a query: everything but RFC 3986's unreserved characters is escaped.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                escaped.push(char::from(byte))
            }
            other => {
                write!(escaped, "%{other:02X}").expect("a String takes all text");
            }
        }
    }
    escaped
}
