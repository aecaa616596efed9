//! Where the agent is and how it is spoken to.

use std::path::PathBuf;
use std::{env, fs};

use tribune_types::Token;

use crate::ConfigError;

/// Settings of a [`crate::Client`].
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Where the agent listens.
    pub address: Address,
    /// The secret that requests are made with; none where empty.
    pub token: Token,
    /// User and password of a proxy in front of the agent (basic authentication).
    pub basic_auth: Option<BasicAuth>,
    /// Namespace of every request; not sent where empty.
    pub namespace: String,
    /// Partition of every request; not sent where empty.
    pub partition: String,
    /// Certificates, for `https` addresses.
    pub tls: TlsConfig,
}

/// User and password.
#[derive(Clone)]
pub struct BasicAuth {
    /// The user.
    pub user: String,
    /// The password.
    pub password: String,
}

/// Certificates of an `https` connection.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// File with the certificates of authorities to trust; those of the system where neither this nor `ca_path` is given.
    pub ca_file: Option<PathBuf>,
    /// Directory of such files.
    pub ca_path: Option<PathBuf>,
    /// File with this client's certificate.
    pub client_cert: Option<PathBuf>,
    /// File with that certificate's key.
    pub client_key: Option<PathBuf>,
    /// Name that the agent's certificate must have; the host of the address where `None`.
    pub server_name: Option<String>,
    /// Whether any certificate of the agent will do.
    pub insecure_skip_verify: bool,
}

/// Where an agent listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A TCP address.
    Tcp {
        /// Host name or IP address, without brackets.
        host: String,
        /// The port.
        port: u16,
        /// Whether it speaks TLS.
        tls: bool,
        /// Path that precedes that of every endpoint, without a slash at its end.
        path_prefix: String,
    },
    /// A Unix socket.
    Unix(PathBuf),
}

// === impl Config ===

impl Config {
    /// The settings that the environment gives: `CONSUL_HTTP_ADDR`, `CONSUL_HTTP_TOKEN`, `CONSUL_HTTP_TOKEN_FILE`,
    /// `CONSUL_HTTP_AUTH`, `CONSUL_HTTP_SSL`, `CONSUL_HTTP_SSL_VERIFY`, `CONSUL_CACERT`, `CONSUL_CAPATH`,
    /// `CONSUL_CLIENT_CERT`, `CONSUL_CLIENT_KEY`, `CONSUL_TLS_SERVER_NAME`, `CONSUL_NAMESPACE`, `CONSUL_PARTITION`.
    ///
    /// # Errors
    /// Where one of them is malformed, or the token file cannot be read.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_vars(|name| env::var(name).ok())
    }

    /// As [`Config::from_env`], over any set of variables.
    ///
    /// # Errors
    /// As [`Config::from_env`].
    pub fn from_vars(vars: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let text = |name| vars(name).filter(|value| !value.is_empty());
        let path = |name| text(name).map(PathBuf::from);
        let boolean =
            |name, default| text(name).map_or(Ok(default), |value| parse_boolean(name, value));
        let ssl = boolean("CONSUL_HTTP_SSL", false)?;
        let token = match (text("CONSUL_HTTP_TOKEN"), path("CONSUL_HTTP_TOKEN_FILE")) {
            (Some(token), _) => token.as_str().into(),
            (None, Some(file)) => Self::token_from_file(file)?,
            (None, None) => Token::default(),
        };
        Ok(Self {
            address: Address::parse(&text("CONSUL_HTTP_ADDR").unwrap_or_default(), ssl)?,
            token,
            basic_auth: text("CONSUL_HTTP_AUTH").map(|auth| BasicAuth::from(auth.as_str())),
            namespace: text("CONSUL_NAMESPACE").unwrap_or_default(),
            partition: text("CONSUL_PARTITION").unwrap_or_default(),
            tls: TlsConfig {
                ca_file: path("CONSUL_CACERT"),
                ca_path: path("CONSUL_CAPATH"),
                client_cert: path("CONSUL_CLIENT_CERT"),
                client_key: path("CONSUL_CLIENT_KEY"),
                server_name: text("CONSUL_TLS_SERVER_NAME"),
                insecure_skip_verify: !boolean("CONSUL_HTTP_SSL_VERIFY", true)?,
            },
        })
    }

    /// Reads a token from a file, without the white space around it.
    ///
    /// # Errors
    /// Where the file cannot be read.
    pub fn token_from_file(path: PathBuf) -> Result<Token, ConfigError> {
        match fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().into()),
            Err(source) => Err(ConfigError::File { path, source }),
        }
    }
}

fn parse_boolean(name: &'static str, value: String) -> Result<bool, ConfigError> {
    match value.as_str() {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Ok(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Ok(false),
        _ => Err(ConfigError::Boolean { name, value }),
    }
}

// === impl BasicAuth ===

impl From<&str> for BasicAuth {
    /// Reads `user:password`, or a user alone.
    fn from(text: &str) -> Self {
        let (user, password) = text.split_once(':').unwrap_or((text, ""));
        Self {
            user: user.to_owned(),
            password: password.to_owned(),
        }
    }
}

impl std::fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BasicAuth")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

// === impl Address ===

impl Default for Address {
    fn default() -> Self {
        Self::Tcp {
            host: "127.0.0.1".to_owned(),
            port: 8500,
            tls: false,
            path_prefix: String::new(),
        }
    }
}

impl Address {
    /// Reads an address: `host:port`, `http://…`, `https://…` or `unix:///path`; the default address where empty.
    /// `ssl` makes it `https` whatever its scheme, as `CONSUL_HTTP_SSL` does.
    ///
    /// # Errors
    /// Where it is none of these.
    pub fn parse(text: &str, ssl: bool) -> Result<Self, ConfigError> {
        let malformed = || ConfigError::Address {
            address: text.to_owned(),
        };
        let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
        let tls = match scheme {
            "unix" if rest.is_empty() => return Err(malformed()),
            "unix" => return Ok(Self::Unix(rest.into())),
            "http" => ssl,
            "https" => true,
            _ => return Err(malformed()),
        };
        let rest = if rest.is_empty() {
            "127.0.0.1:8500"
        } else {
            rest
        };
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let authority: http::uri::Authority = authority.parse().map_err(|_| malformed())?;
        let port = match authority.as_str().strip_prefix(authority.host()) {
            Some("") => {
                if tls {
                    443
                } else {
                    80
                }
            }
            // Whatever is not a host and a port, such as user information, starts otherwise.
            rest => rest
                .and_then(|rest| rest.strip_prefix(':')?.parse().ok())
                .ok_or_else(malformed)?,
        };
        let host = authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']');
        if host.is_empty() {
            return Err(malformed());
        }
        let path = path.trim_end_matches('/');
        Ok(Self::Tcp {
            host: host.to_owned(),
            port,
            tls,
            path_prefix: if path.is_empty() {
                String::new()
            } else {
                format!("/{path}")
            },
        })
    }
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unix(path) => write!(f, "unix://{}", path.display()),
            Self::Tcp {
                host,
                port,
                tls,
                path_prefix,
            } => {
                let scheme = if *tls { "https" } else { "http" };
                let (open, close) = if host.contains(':') {
                    ("[", "]")
                } else {
                    ("", "")
                };
                write!(f, "{scheme}://{open}{host}{close}:{port}{path_prefix}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> String {
        Address::parse(text, false)
            .map_or_else(|_| "refused".to_owned(), |address| address.to_string())
    }

    #[test]
    fn addresses_are_read_in_every_form_that_consul_reads() {
        for (text, expected) in [
            ("", "http://127.0.0.1:8500"),
            ("10.0.0.1:8501", "http://10.0.0.1:8501"),
            ("http://consul.example", "http://consul.example:80"),
            ("https://consul.example", "https://consul.example:443"),
            ("https://[::1]:8501/prefix/", "https://[::1]:8501/prefix"),
            ("unix:///run/agent.sock", "unix:///run/agent.sock"),
            ("unix://", "refused"),
            ("ftp://x", "refused"),
            ("host:99999999", "refused"),
            ("http://user@host:1", "refused"),
            ("ho st:1", "refused"),
        ] {
            assert_eq!(address(text), expected, "{text:?}");
        }
        assert_eq!(
            Address::parse("http://a:1", true).unwrap().to_string(),
            "https://a:1"
        );
    }

    #[test]
    fn the_environment_gives_the_settings() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "from-file\n").unwrap();
        let file = file.to_str().unwrap().to_owned();
        let config = |vars: &[(&str, &str)]| {
            Config::from_vars(|name| {
                vars.iter()
                    .find(|(key, _)| *key == name)
                    .map(|(_, value)| (*value).to_owned())
            })
        };
        let from_file = config(&[
            ("CONSUL_HTTP_TOKEN_FILE", &file),
            ("CONSUL_HTTP_ADDR", "h:1"),
        ])
        .unwrap();
        assert_eq!(from_file.token.secret(), "from-file");
        assert_eq!(from_file.address.to_string(), "http://h:1");
        let both = config(&[
            ("CONSUL_HTTP_TOKEN_FILE", "missing"),
            ("CONSUL_HTTP_TOKEN", "plain"),
        ])
        .unwrap();
        assert_eq!(both.token.secret(), "plain");
        let tls = config(&[
            ("CONSUL_HTTP_SSL", "1"),
            ("CONSUL_HTTP_SSL_VERIFY", "false"),
            ("CONSUL_CACERT", "/ca"),
        ]);
        let tls = tls.unwrap();
        assert!(tls.tls.insecure_skip_verify && tls.tls.ca_file == Some("/ca".into()));
        assert_eq!(tls.address.to_string(), "https://127.0.0.1:8500");
        assert!(matches!(
            config(&[("CONSUL_HTTP_SSL", "yes")]),
            Err(ConfigError::Boolean { .. })
        ));
        assert!(matches!(
            config(&[("CONSUL_HTTP_TOKEN_FILE", "/no/such")]),
            Err(ConfigError::File { .. })
        ));
    }

    #[test]
    fn a_password_is_never_printed() {
        let auth = BasicAuth::from("me:s3cret");
        assert_eq!(
            (auth.user.as_str(), auth.password.as_str()),
            ("me", "s3cret")
        );
        assert!(!format!("{auth:?}").contains("s3cret"));
    }
}
