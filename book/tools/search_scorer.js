// How the search finds and ranks pages; it stands behind Sphinx's own searchtools.js.
//
// Sphinx shows the pages that have every word, and most of these in the order of the
// alphabet. Here a page needs most of the words. Each counts by how rare it is among the
// pages, log(1 + pages / pages with it), and by where and how often the page has it: in its
// title, among its terms in the index, in the heading of a section, in the text. Lessons
// come first, then the pages around them, then the reference.
const IN_TITLE = 6;
const IN_TERMS = 3;
const IN_HEADINGS = 3;
const inText = (times) => Math.log2(1 + times);
const AROUND = /\/(bibliography|chapter_exercises|corrections|glossary|graded_assignments|howto|intro|teaching|what_it_costs)$/;
const isReference = (page) => page.startsWith("book/api");

var Scorer = {
  score: ([page, title, anchor, description, score]) => {
    if (isReference(page) || description) return score / 10;
    return AROUND.test(page) ? score / 2 : score;
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

const stems = (text) => {
  const stemmer = new Stemmer();
  return splitQuery(text.toLowerCase()).map((word) => stemmer.stemWord(word));
};

// Each page by its number: stem → what it is worth there.
const weighWords = (index) => {
  const pages = index.docnames.map(() => new Map());
  const add = (page, stem, weight) => pages[page].set(stem, (pages[page].get(stem) ?? 0) + weight);
  index.docnames.forEach((name, page) => {
    new Set(stems(index.titles[page])).forEach((stem) => add(page, stem, IN_TITLE));
    Object.entries(SEARCH_COUNTS[name] ?? {}).forEach(([stem, times]) =>
      add(page, stem, inText(times))
    );
  });
  const terms = index.docnames.map(() => new Set());
  Object.entries(index.indexentries).forEach(([entry, places]) =>
    places
      .filter(([, , isMain]) => isMain)
      .forEach(([page]) => stems(entry).forEach((stem) => terms[page].add(stem)))
  );
  terms.forEach((known, page) => known.forEach((stem) => add(page, stem, IN_TERMS)));
  Object.entries(index.titleterms).forEach(([stem, found]) =>
    [found].flat().forEach((page) => add(page, stem, IN_HEADINGS))
  );
  Object.entries(index.terms).forEach(([stem, found]) =>
    [found].flat().forEach((page) => {
      if (!pages[page].has(stem)) add(page, stem, inText(1));
    })
  );
  return pages;
};

// What a word is worth on a page: as it stands there, or half as the beginning of another.
const worth = (known, word) => {
  if (known.has(word) || word.length < 3) return known.get(word) ?? 0;
  const longer = [...known].filter(([stem]) => stem.startsWith(word));
  return Math.max(0, ...longer.map(([, weight]) => weight)) / 2;
};

Search.performTermsSearch = (words, excluded) => {
  const index = Search._index;
  const pages = weighWords(index);
  const scores = pages.map(() => 0);
  const found = pages.map(() => 0);
  let all = 0;
  words.forEach((word) => {
    const worths = pages.map((known) => worth(known, word));
    const having = worths.filter((one) => one > 0).length;
    if (!having) return; // a word that nobody has excludes nobody
    const rarity = Math.log(1 + pages.length / having);
    all += rarity;
    worths.forEach((one, page) => {
      scores[page] += rarity * one;
      if (one) found[page] += rarity;
    });
  });
  return scores.flatMap((score, page) => {
    const refused = [...excluded].some((word) => pages[page].has(word));
    if (!score || refused || found[page] < all / 2) return [];
    const [name, title, file] = [index.docnames[page], index.titles[page], index.filenames[page]];
    return [[name, title, "", null, score, file]];
  });
};
