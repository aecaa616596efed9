//! What members tell everybody beside who is alive.

use foca::Invalidates;

use crate::error::TagsError;
use crate::event::UserEvent;
use crate::member::{Tags, Versions};
use crate::peer::Who;
use crate::wire::{Reader, WireError, Writer};

/// How many tags a member may have.
const MOST_TAGS: usize = 128;

/// What a member says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) who: Who,
    /// Of the life in which it was said.
    pub(crate) generation: u64,
    /// Counts what was said in that life.
    pub(crate) version: u32,
    pub(crate) versions: Versions,
    /// The tags as they came: they are taken apart where somebody wants to see them.
    tags: Box<[u8]>,
}

/// Somebody says that a member goes, or is to be taken for gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Leave {
    pub(crate) who: Who,
    /// Up to which life.
    pub(crate) generation: u64,
    /// Whether it is to be forgotten.
    pub(crate) prune: bool,
}

/// One piece of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Profile(Profile),
    Leave(Leave),
    User(UserEvent),
}

/// What a piece of news is about: a later one about the same takes its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Topic {
    Profile(Who),
    Leave(Who),
    /// Events of this name, of which the last one is enough.
    Latest(String),
    /// An event of its own.
    Single,
}

impl Invalidates for Topic {
    fn invalidates(&self, other: &Self) -> bool {
        *self != Self::Single && self == other
    }
}

// === impl Profile ===

impl Profile {
    pub(crate) fn new(who: Who, generation: u64, version: u32, tags: &Tags) -> Self {
        Self {
            who,
            generation,
            version,
            versions: Versions::default(),
            tags: encode(tags),
        }
    }

    pub(crate) const fn age(&self) -> (u64, u32) {
        (self.generation, self.version)
    }

    pub(crate) fn tags(&self) -> Tags {
        let mut reader = Reader(&self.tags);
        let mut tags = Tags::new();
        while let (Ok(name), Ok(value)) = (reader.text(), reader.text()) {
            tags.insert(name.to_owned(), value.to_owned());
        }
        tags
    }

    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        let who = Who::read(reader)?;
        let (generation, version) = (reader.u64()?, reader.u32()?);
        let versions = read_versions(reader)?;
        let tags = reader.blob()?;
        check(tags)?;
        Ok(Self {
            who,
            generation,
            version,
            versions,
            tags: tags.into(),
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        self.who.write(writer);
        writer.u64(self.generation);
        writer.u32(self.version);
        let versions = self.versions;
        writer.bytes(&[
            versions.protocol_min,
            versions.protocol_max,
            versions.protocol_cur,
            versions.delegate_min,
            versions.delegate_max,
            versions.delegate_cur,
        ]);
        writer.blob(&self.tags);
    }
}

fn read_versions(reader: &mut Reader<'_>) -> Result<Versions, WireError> {
    Ok(Versions {
        protocol_min: reader.u8()?,
        protocol_max: reader.u8()?,
        protocol_cur: reader.u8()?,
        delegate_min: reader.u8()?,
        delegate_max: reader.u8()?,
        delegate_cur: reader.u8()?,
    })
}

/// Tags as bytes, the same ones always in the same order.
fn encode(tags: &Tags) -> Box<[u8]> {
    let mut writer = Writer::default();
    for (name, value) in tags {
        writer.text(name);
        writer.text(value);
    }
    writer.0.into()
}

/// Whether bytes are tags, and no more of them than there may be.
fn check(tags: &[u8]) -> Result<(), WireError> {
    let mut reader = Reader(tags);
    let mut count = 0;
    while !reader.0.is_empty() {
        reader.text()?;
        reader.text()?;
        count += 1;
        if count > MOST_TAGS {
            return Err(WireError::Text);
        }
    }
    Ok(())
}

/// Whether tags can be told: their count, their lengths, and what they take in all.
pub(crate) fn check_tags(tags: &Tags, limit: usize) -> Result<(), TagsError> {
    let fits = |text: &String| text.len() <= u8::MAX.into();
    let size = encode(tags).len();
    if size > limit
        || tags.len() > MOST_TAGS
        || !tags.iter().all(|(name, value)| fits(name) && fits(value))
    {
        return Err(TagsError {
            size,
            limit,
            most: MOST_TAGS,
        });
    }
    Ok(())
}

// === impl Leave ===

impl Leave {
    pub(crate) fn read(reader: &mut Reader<'_>) -> Result<Self, WireError> {
        Ok(Self {
            who: Who::read(reader)?,
            generation: reader.u64()?,
            prune: reader.bool()?,
        })
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        self.who.write(writer);
        writer.u64(self.generation);
        writer.u8(self.prune.into());
    }
}

pub(crate) fn read_user(reader: &mut Reader<'_>) -> Result<UserEvent, WireError> {
    Ok(UserEvent {
        time: reader.u64()?,
        coalesce: reader.bool()?,
        name: reader.name()?.as_ref().to_owned(),
        payload: reader.blob()?.to_owned(),
    })
}

pub(crate) fn write_user(event: &UserEvent, writer: &mut Writer) {
    writer.u64(event.time);
    writer.u8(event.coalesce.into());
    writer.text(&event.name);
    writer.blob(&event.payload);
}

// === impl Item ===

impl Item {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, WireError> {
        let mut reader = Reader(bytes);
        let item = match reader.u8()? {
            1 => Self::Profile(Profile::read(&mut reader)?),
            2 => Self::Leave(Leave::read(&mut reader)?),
            3 => Self::User(read_user(&mut reader)?),
            other => return Err(WireError::Kind(other, "piece of news")),
        };
        reader.end()?;
        Ok(item)
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut writer = Writer::default();
        match self {
            Self::Profile(profile) => {
                writer.u8(1);
                profile.write(&mut writer);
            }
            Self::Leave(leave) => {
                writer.u8(2);
                leave.write(&mut writer);
            }
            Self::User(event) => {
                writer.u8(3);
                write_user(event, &mut writer);
            }
        }
        writer.0
    }

    pub(crate) fn topic(&self) -> Topic {
        match self {
            Self::Profile(profile) => Topic::Profile(profile.who.clone()),
            Self::Leave(leave) => Topic::Leave(leave.who.clone()),
            Self::User(event) if event.coalesce => Topic::Latest(event.name.clone()),
            Self::User(_) => Topic::Single,
        }
    }
}
