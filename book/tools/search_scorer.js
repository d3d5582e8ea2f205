// How the search ranks what it found: lessons first, then the pages around them, then
// the reference. The other numbers are those of Sphinx.
var Scorer = {
  score: ([page, title, anchor, description, score]) => {
    if (page.startsWith("book/api") || description) return score - 60;
    if (/(corrections|what_it_costs|teaching|graded_assignments|bibliography|howto)$/.test(page)) return score - 30;
    return score;
  },
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
