//! How an answer is wanted: the parameters and headers that every read takes.

use std::time::Duration;

use http::HeaderMap;
use tribune_types::call::{Consistency, Options};
use tribune_types::{GoDuration, Token};

use crate::error::Error;
use crate::params::Params;

/// The secret of a request: `?token=`, then `X-Consul-Token`, then `Authorization: Bearer`.
pub(crate) fn token(params: &Params<'_>, headers: &HeaderMap) -> Token {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = || {
        let mut words = header("authorization")?.split_ascii_whitespace();
        words
            .next()
            .filter(|scheme| scheme.eq_ignore_ascii_case("bearer"))?;
        words.next()
    };
    let secret = params.value("token").filter(|secret| !secret.is_empty());
    secret
        .or_else(|| header("x-consul-token").filter(|secret| !secret.is_empty()))
        .or_else(bearer)
        .unwrap_or_default()
        .into()
}

/// What a request says that is not about the catalog: whose it is and which rows it wants.
pub(crate) fn plain(params: &Params<'_>, headers: &HeaderMap) -> Options {
    Options {
        token: token(params, headers),
        datacenter: datacenter(params),
        filter: params.text("filter").to_owned(),
        ..Options::default()
    }
}

fn datacenter(params: &Params<'_>) -> String {
    let named = params.value("datacenter").or_else(|| params.value("dc"));
    named.unwrap_or_default().to_ascii_lowercase()
}

/// Everything that says how fresh an answer must be, what it waits for and which rows it has.
pub(crate) fn parse(params: &Params<'_>, headers: &HeaderMap) -> Result<Options, Error> {
    let cached = params.has("cached");
    if cached {
        cache_control(headers)?;
    }
    Ok(Options {
        consistency: consistency(params, cached)?,
        min_index: index(params.text("index"))?,
        wait: wait(params.text("wait"))?,
        node_meta: params.all("node-meta").map(pair).collect(),
        peer: params.text("peer").into(),
        cached,
        ..plain(params, headers)
    })
}

fn pair(text: &str) -> (String, String) {
    let (key, value) = text.split_once(':').unwrap_or((text, ""));
    (key.to_owned(), value.to_owned())
}

fn consistency(params: &Params<'_>, cached: bool) -> Result<Consistency, Error> {
    // only presence counts: `?stale=false` is stale, as in the reference
    let mut stale = params.has("stale");
    if let Some(text) = params.value("max_stale") {
        text.parse::<GoDuration>()
            .map_err(|error| Error::bad_request(format!("Invalid max_stale value: {error}")))?;
        stale = true;
    }
    match (stale, params.has("consistent")) {
        (true, true) => Err(Error::bad_request(
            "Cannot specify ?stale with ?consistent, conflicting semantics.",
        )),
        (_, true) if cached => Err(Error::bad_request(
            "Cannot specify ?cached with ?consistent, conflicting semantics.",
        )),
        (true, false) => Ok(Consistency::Stale),
        (false, true) => Ok(Consistency::Consistent),
        (false, false) => Ok(Consistency::Default),
    }
}

fn index(text: &str) -> Result<u64, Error> {
    if text.is_empty() {
        return Ok(0);
    }
    text.parse()
        .map_err(|_| Error::bad_request(format!("Invalid index: {text:?} is not a whole number")))
}

fn wait(text: &str) -> Result<Option<Duration>, Error> {
    if text.is_empty() {
        return Ok(None);
    }
    let wait: GoDuration = text
        .parse()
        .map_err(|error| Error::bad_request(format!("Invalid wait time: {error}")))?;
    Ok((wait > GoDuration::ZERO).then(|| wait.to_std()))
}

/// Refuses what the header's grammar does not have; what it asks for is met by every answer, as none is
/// older than the asked server's own state.
fn cache_control(headers: &HeaderMap) -> Result<(), Error> {
    let Some(header) = headers.get("cache-control") else {
        return Ok(());
    };
    let error = || Error::bad_request("Invalid Cache-Control header.");
    let text = header.to_str().map_err(|_| error())?;
    for directive in text
        .split(',')
        .map(str::trim)
        .filter(|directive| !directive.is_empty())
    {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let seconds = matches!(name.trim(), "max-age" | "stale-if-error");
        if seconds && value.trim().parse::<u64>().is_err() {
            return Err(error());
        }
    }
    Ok(())
}

const NAMESPACE: (&str, &str, &str) = ("ns", "X-Consul-Namespace", "Namespaces are");
const PARTITION: (&str, &str, &str) = ("partition", "X-Consul-Partition", "Partitions are");

/// Refuses a request that names a namespace or a partition, which do not exist here.
pub(crate) fn refuse_tenancy(params: &Params<'_>, headers: &HeaderMap) -> Result<(), Error> {
    refuse_named(&[NAMESPACE, PARTITION], params, headers)
}

/// Refuses a request about what is in no namespace, so that naming one means nothing, if it names a partition.
pub(crate) fn refuse_partition(params: &Params<'_>, headers: &HeaderMap) -> Result<(), Error> {
    refuse_named(&[PARTITION], params, headers)
}

fn refuse_named(
    names: &[(&str, &str, &str)],
    params: &Params<'_>,
    headers: &HeaderMap,
) -> Result<(), Error> {
    for (parameter, header, what) in names {
        if headers.get(*header).is_some_and(|value| !value.is_empty()) {
            return Err(Error::bad_request(format!(
                "Invalid header: {header:?} - {what} a Consul Enterprise feature"
            )));
        }
        if !params.text(parameter).is_empty() {
            let text = format!(
                "Invalid query parameter: {parameter:?} - {what} a Consul Enterprise feature"
            );
            return Err(Error::bad_request(text));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(query: &str) -> Result<Options, Error> {
        parse(&Params::parse(query), &HeaderMap::new())
    }

    #[test]
    fn the_forms_of_freshness_are_read_and_conflicts_refused() {
        assert_eq!(read("stale=false").unwrap().consistency, Consistency::Stale);
        assert_eq!(
            read("max_stale=5s").unwrap().consistency,
            Consistency::Stale
        );
        assert_eq!(
            read("consistent").unwrap().consistency,
            Consistency::Consistent
        );
        for conflict in [
            "stale&consistent",
            "stale=false&consistent=0",
            "cached&consistent",
            "max_stale=1s&consistent",
        ] {
            assert!(read(conflict).is_err(), "{conflict}");
        }
        assert!(read("max_stale=banana").is_err());
    }

    #[test]
    fn an_index_and_a_wait_are_numbers_or_refused() {
        let options = read("index=7&wait=10s").unwrap();
        assert_eq!(
            (options.min_index, options.wait),
            (7, Some(Duration::from_secs(10)))
        );
        assert_eq!(read("index=&wait=").unwrap(), Options::default());
        assert_eq!(read("wait=-5s").unwrap().wait, None);
        for bad in [
            "index=-1",
            "index=abc",
            "index=1.5",
            "index=99999999999999999999",
            "wait=banana",
            "wait=5",
        ] {
            let error = read(bad).unwrap_err();
            assert_eq!(error.status(), http::StatusCode::BAD_REQUEST, "{bad}");
        }
    }

    #[test]
    fn the_token_comes_from_the_first_place_that_has_one() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", HeaderValue::from_static("BEARER third"));
        assert_eq!(token(&Params::default(), &headers).secret(), "third");
        headers.insert("x-consul-token", HeaderValue::from_static("second"));
        assert_eq!(token(&Params::default(), &headers).secret(), "second");
        assert_eq!(
            token(&Params::parse("token=first"), &headers).secret(),
            "first"
        );
        assert!(token(&Params::default(), &HeaderMap::new()).is_anonymous());
    }

    #[test]
    fn a_namespace_or_partition_is_refused_by_name() {
        let error = refuse_tenancy(&Params::parse("ns=default"), &HeaderMap::new()).unwrap_err();
        assert!(
            error
                .text()
                .contains("\"ns\" - Namespaces are a Consul Enterprise feature"),
            "{}",
            error.text()
        );
        assert!(refuse_tenancy(&Params::parse("ns="), &HeaderMap::new()).is_ok());
        assert!(refuse_partition(&Params::parse("ns=team"), &HeaderMap::new()).is_ok());
        assert!(refuse_partition(&Params::parse("partition=a"), &HeaderMap::new()).is_err());
    }
}
