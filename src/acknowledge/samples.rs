//! The situations that an office answers, to be looked at before anyone writes: for the preview on the command line
//! and at the desk, and for the snapshots of the tests.

use super::situation::{Added, Main};
use crate::record::{Line, Office};

/// One answer to look at: a main text, or the plain receipt with one paragraph added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sample {
    Main(Main),
    Added(Added),
}

impl Sample {
    /// All that this office can answer: only an ombudsman asks to complain at the body first.
    pub fn of(office: &Office) -> Vec<Sample> {
        let asks_first = office.procedure.complain_first && office.line == Line::Second;
        Main::ALL
            .into_iter()
            .filter(|main| asks_first || !matches!(main, Main::ComplainFirst | Main::Waiting))
            .map(Sample::Main)
            .chain(Added::ALL.map(Sample::Added))
            .chain([Sample::Main(Main::FollowUp)])
            .collect()
    }

    /// As on the command line and in addresses; every one is another.
    pub fn id(self) -> &'static str {
        match self {
            Sample::Main(main) => main.id(),
            // The main text has the plain name.
            Sample::Added(Added::Decision) => "decision-too",
            Sample::Added(added) => added.id(),
        }
    }

    /// For staff.
    pub fn title(self) -> &'static str {
        match self {
            Sample::Main(Main::Received) => "Ontvangen",
            Sample::Main(Main::OutOfScope) => "Waarschijnlijk voor een ander",
            Sample::Main(Main::Mixed) => "Deels voor een ander",
            Sample::Main(Main::Unclear) => "Onduidelijk over wie",
            Sample::Main(Main::ComplainFirst) => "Eerst bij de instantie zelf klagen",
            Sample::Main(Main::Waiting) => "De instantie heeft nog tijd",
            Sample::Main(Main::Signal) => "Beleid of regels",
            Sample::Main(Main::Decision) => "Een besluit",
            Sample::Main(Main::Report) => "Iets op straat",
            Sample::Main(Main::Question) => "Een vraag",
            Sample::Main(Main::FollowUp) => "Een vervolg op een bekende zaak",
            Sample::Added(Added::Urgent) => "Haast of gevaar",
            Sample::Added(Added::Decision) => "Voor een ander, en tegen een besluit",
            Sample::Added(Added::OnBehalf) => "Namens iemand, zonder machtiging",
            Sample::Added(Added::NameMissing) => "De naam ontbreekt",
            Sample::Added(Added::Several) => "Meer klachten",
            Sample::Added(Added::Unreadable) => "Een bijlage ging niet open",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn no_two_have_one_name() {
        let all = || {
            let mains = Main::ALL.map(Sample::Main).into_iter().chain([Sample::Main(Main::FollowUp)]);
            mains.chain(Added::ALL.map(Sample::Added))
        };
        assert_eq!(all().map(Sample::id).collect::<BTreeSet<_>>().len(), all().count());
        assert_eq!(all().map(Sample::title).collect::<BTreeSet<_>>().len(), all().count());
    }
}
