//! ConfigMaps to changes of the configuration. Pure.

use aigne_hub_crds::distribution::{
    Change, INDEX_KEY, INDEX_NAME, Index, PART_KEY, Part, Unreadable, part_name, part_number,
};
use k8s_openapi::api::core::v1::ConfigMap;

/// Which of the operator's ConfigMaps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Place {
    Part(u32),
    Index,
}

/// A text cannot be used; what was there before stays.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it has no {0}: the operator puts it back")]
    NoText(&'static str),
    #[error("it is not an index: {0}")]
    Index(#[from] serde_json::Error),
    #[error(transparent)]
    Part(#[from] Unreadable),
}

impl Place {
    /// `None` for a ConfigMap that is none of ours.
    pub(super) fn of(name: &str) -> Option<Self> {
        if name == INDEX_NAME { Some(Self::Index) } else { part_number(name).map(Self::Part) }
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Index => INDEX_NAME.to_owned(),
            Self::Part(number) => part_name(number),
        }
    }

    /// Whether the index says that it is there.
    pub(super) fn is_named_by(self, index: &Index) -> bool {
        match self {
            Self::Index => true,
            Self::Part(number) => number < index.parts,
        }
    }

    /// Takes the text out of the ConfigMap.
    pub(super) fn text(self, map: &mut ConfigMap) -> Option<String> {
        map.data.as_mut()?.remove(self.key())
    }

    fn key(self) -> &'static str {
        match self {
            Self::Index => INDEX_KEY,
            Self::Part(_) => PART_KEY,
        }
    }

    /// What the text says.
    pub(super) fn read(self, text: Option<&str>) -> Result<Change, Unusable> {
        let text = text.ok_or(Unusable::NoText(self.key()))?;
        Ok(match self {
            Self::Index => Change::Index(Some(Index::from_data(text)?)),
            Self::Part(number) => Change::Part(number, Some(Part::from_data(text)?)),
        })
    }

    /// It was deleted.
    pub(super) fn gone(self) -> Change {
        match self {
            Self::Index => Change::Index(None),
            Self::Part(number) => Change::Part(number, None),
        }
    }
}
