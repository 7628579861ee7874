//! What is wrong with the ConfigMaps, by the one that it is about.

use std::{collections::BTreeMap, fmt};

use aigne_hub_crds::distribution::Refused;

use super::super::objects::{Place, Unusable};

/// Something is wrong with a ConfigMap; what it held before stays in use.
#[derive(Debug)]
pub(super) enum Trouble {
    Refused(Refused),
    Unusable(Unusable),
    Deleted,
}

impl Trouble {
    /// The rest the operator puts back by itself.
    fn is_for_a_person(&self) -> bool {
        match self {
            Self::Refused(_) => true,
            Self::Unusable(unusable) => !matches!(unusable, Unusable::NoText(_)),
            Self::Deleted => false,
        }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refused) => refused.fmt(formatter),
            Self::Unusable(unusable) => unusable.fmt(formatter),
            Self::Deleted => formatter
                .write_str("it was deleted; what it held stays in use until the operator puts it back"),
        }
    }
}

/// Never an empty list.
#[derive(Debug, Default)]
pub(super) struct Troubles(BTreeMap<Place, Vec<Trouble>>);

impl Troubles {
    /// Of the ConfigMap nothing else is wrong.
    pub(super) fn set(&mut self, place: Place, troubles: Vec<Trouble>) {
        if troubles.is_empty() {
            self.0.remove(&place);
        } else {
            self.0.insert(place, troubles);
        }
    }

    pub(super) fn retain(&mut self, mut keeps: impl FnMut(Place) -> bool) {
        self.0.retain(|place, _| keeps(*place));
    }

    pub(super) fn of_index(&self) -> bool {
        self.0.contains_key(&Place::Index)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (Place, &Trouble)> {
        self.0.iter().flat_map(|(place, troubles)| troubles.iter().map(|trouble| (*place, trouble)))
    }

    /// The first to tell, if a person must act: the index is the last in order.
    pub(super) fn for_a_person(&self) -> Option<(Place, &Trouble)> {
        let mut last_first = self.0.iter().rev();
        last_first.find_map(|(place, troubles)| {
            troubles.iter().find(|trouble| trouble.is_for_a_person()).map(|trouble| (*place, trouble))
        })
    }
}
