//! Who follows the log while it is written.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::SystemTime;

use serde_json::{Map, Value};
use tokio::sync::broadcast;
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};
use tribune_types::call::LogLevel;

/// Messages that a follower may be behind before it misses some.
const BEHIND: usize = 512;

/// Transports log every frame at debug, which nobody who debugs a mesh wants to see.
pub(super) const NOISY: [&str; 5] = ["h2", "hyper", "tonic", "tower", "openraft"];

/// Where followers get the log from. Clones are the same.
///
/// While nobody follows, nothing is formatted, and messages that are not logged anyway cost what they cost
/// without it.
#[derive(Clone)]
pub(crate) struct Tap(Arc<Shared>);

struct Shared {
    messages: broadcast::Sender<Arc<Message>>,
    /// How many followers want each level.
    followers: [AtomicUsize; 5],
}

/// A message of the log.
#[derive(Debug)]
pub(super) struct Message {
    time: SystemTime,
    level: LogLevel,
    target: &'static str,
    text: String,
    fields: Map<String, Value>,
}

/// Somebody who follows the log.
pub(crate) struct Follower {
    tap: Tap,
    messages: broadcast::Receiver<Arc<Message>>,
    level: LogLevel,
    json: bool,
}

// === impl Tap ===

impl Tap {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Shared {
            messages: broadcast::Sender::new(BEHIND),
            followers: Default::default(),
        }))
    }

    /// Follows the log from now on.
    pub(crate) fn follow(&self, level: LogLevel, json: bool) -> Follower {
        let messages = self.0.messages.subscribe();
        self.0.followers[place(level)].fetch_add(1, Ordering::SeqCst);
        tracing::callsite::rebuild_interest_cache();
        Follower {
            tap: self.clone(),
            messages,
            level,
            json,
        }
    }

    /// The least severe level that somebody wants.
    fn wanted(&self) -> LevelFilter {
        let filters = [
            LevelFilter::TRACE,
            LevelFilter::DEBUG,
            LevelFilter::INFO,
            LevelFilter::WARN,
            LevelFilter::ERROR,
        ];
        let counts = self.0.followers.iter().zip(filters);
        let mut wanted = counts.filter(|(count, _)| count.load(Ordering::SeqCst) > 0);
        wanted.next().map_or(LevelFilter::OFF, |(_, filter)| filter)
    }

    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        let noisy = NOISY.iter().any(|name| {
            let rest = metadata.target().strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
        });
        let wanted = self.wanted();
        let limit = if noisy {
            wanted.min(LevelFilter::WARN)
        } else {
            wanted
        };
        metadata.is_event() && *metadata.level() <= limit
    }
}

const fn place(level: LogLevel) -> usize {
    match level {
        LogLevel::Trace => 0,
        LogLevel::Debug => 1,
        LogLevel::Info => 2,
        LogLevel::Warn => 3,
        LogLevel::Error => 4,
    }
}

impl<S: Subscriber> Layer<S> for Tap {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = Message {
            time: SystemTime::now(),
            level: level_of(*metadata.level()),
            target: metadata.target(),
            text: fields.text,
            fields: fields.others,
        };
        // nobody may follow any more
        let _: Result<usize, _> = self.0.messages.send(Arc::new(message));
    }
}

impl<S> Filter<S> for Tap {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) {
            Interest::always()
        } else {
            Interest::never()
        }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.wanted())
    }
}

// === impl Follower ===

impl Follower {
    /// The next lines.
    pub(crate) async fn next(&mut self) -> String {
        loop {
            match self.messages.recv().await {
                Ok(message) if message.level >= self.level => return message.line(self.json),
                Ok(_) => {}
                Err(broadcast::error::RecvError::Lagged(missed)) => {
                    return Message::missed(missed).line(self.json);
                }
                // the tap that this follower holds has the other end
                Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.tap.0.followers[place(self.level)].fetch_sub(1, Ordering::SeqCst);
        tracing::callsite::rebuild_interest_cache();
    }
}

// === impl Message ===

impl Message {
    fn missed(count: u64) -> Self {
        Self {
            time: SystemTime::now(),
            level: LogLevel::Warn,
            target: "monitor",
            text: "messages were dropped, as they came faster than they were read".to_owned(),
            fields: [("count".to_owned(), count.into())].into_iter().collect(),
        }
    }

    /// The message with a newline.
    fn line(&self, json: bool) -> String {
        let time = time::OffsetDateTime::from(self.time)
            .format(&time::format_description::well_known::Rfc3339)
            .unwrap_or_default();
        if json {
            let mut line = Map::new();
            let level = self.level.as_str().to_ascii_lowercase();
            line.insert("@level".to_owned(), level.into());
            line.insert("@message".to_owned(), self.text.as_str().into());
            line.insert("@module".to_owned(), self.target.into());
            line.insert("@timestamp".to_owned(), time.into());
            line.extend(self.fields.clone());
            return format!("{}\n", Value::Object(line));
        }
        let mut line = format!(
            "{time} [{}] {}: {}",
            self.level.as_str(),
            self.target,
            self.text
        );
        for (position, (name, value)) in self.fields.iter().enumerate() {
            let separator = if position == 0 { ": " } else { " " };
            let _written = write!(line, "{separator}{name}={value}");
        }
        // a value with a newline must not look like another message
        line = line.replace('\n', "\\n");
        line.push('\n');
        line
    }
}

fn level_of(level: Level) -> LogLevel {
    match level {
        Level::ERROR => LogLevel::Error,
        Level::WARN => LogLevel::Warn,
        Level::INFO => LogLevel::Info,
        Level::DEBUG => LogLevel::Debug,
        Level::TRACE => LogLevel::Trace,
    }
}

/// What a message says, field by field.
#[derive(Default)]
struct Fields {
    text: String,
    others: Map<String, Value>,
}

impl Fields {
    fn put(&mut self, field: &Field, value: Value) {
        self.others.insert(field.name().to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let text = format!("{value:?}");
        if field.name() == "message" {
            self.text = text;
        } else {
            self.put(field, text.into());
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "message" {
            self.text = value.to_owned();
        } else {
            self.put(field, value.into());
        }
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, value.into());
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    fn with_tap<T>(run: impl FnOnce(&Tap) -> T) -> T {
        let tap = Tap::new();
        let layer = Layer::with_filter(tap.clone(), tap.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || run(&tap))
    }

    fn lines(follower: &mut Follower, count: usize) -> Vec<String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mut lines = Vec::new();
            while lines.len() < count {
                lines.push(follower.next().await);
            }
            lines
        })
    }

    #[test]
    fn a_follower_gets_what_is_severe_enough_from_then_on() {
        with_tap(|tap| {
            tracing::error!("before");
            let mut follower = tap.follow(LogLevel::Info, false);
            tracing::debug!("too fine");
            tracing::info!(node = "n1", count = 2, "up\nand running");
            tracing::warn!(target: "hyper::proto", "slow");
            tracing::info!(target: "hyper::proto", "frame");
            tracing::error!("last");
            let lines = lines(&mut follower, 3);
            assert!(lines[0].contains("[INFO] "), "{}", lines[0]);
            assert!(
                lines[0].ends_with("up\\nand running: count=2 node=\"n1\"\n"),
                "{}",
                lines[0]
            );
            assert!(lines[1].contains("slow"), "{}", lines[1]);
            assert!(lines[2].contains("last"), "{}", lines[2]);
        });
    }

    #[test]
    fn a_message_as_json_has_its_fields() {
        with_tap(|tap| {
            let mut follower = tap.follow(LogLevel::Trace, true);
            tracing::trace!(node = "n1", ok = true, "up");
            let line: Value = serde_json::from_str(&lines(&mut follower, 1)[0]).unwrap();
            assert_eq!(
                (
                    &line["@level"],
                    &line["@message"],
                    &line["node"],
                    &line["ok"]
                ),
                (&"trace".into(), &"up".into(), &"n1".into(), &true.into())
            );
        });
    }

    #[test]
    fn who_is_too_slow_is_told_how_much_was_missed() {
        with_tap(|tap| {
            let mut follower = tap.follow(LogLevel::Info, false);
            for number in 0..BEHIND + 3 {
                tracing::info!(number, "tick");
            }
            let lines = lines(&mut follower, 2);
            assert!(
                lines[0].contains("dropped") && lines[0].ends_with("count=3\n"),
                "{}",
                lines[0]
            );
            assert!(lines[1].ends_with("number=3\n"), "{}", lines[1]);
        });
    }

    #[test]
    fn nothing_is_wanted_while_nobody_follows() {
        let tap = Tap::new();
        assert_eq!(tap.wanted(), LevelFilter::OFF);
        let (debug, warn) = (
            tap.follow(LogLevel::Debug, false),
            tap.follow(LogLevel::Warn, false),
        );
        assert_eq!(tap.wanted(), LevelFilter::DEBUG);
        drop(debug);
        assert_eq!(tap.wanted(), LevelFilter::WARN);
        drop(warn);
        assert_eq!(tap.wanted(), LevelFilter::OFF);
    }
}
