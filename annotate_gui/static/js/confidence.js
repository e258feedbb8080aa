// How sure is sure: the same three grades everywhere on the page.

const REVIEW_BELOW = 0.5; // as in the annotation files
const SURE_FROM = 0.8;

export function level(confidence) {
  if (confidence >= SURE_FROM) return "high";
  return confidence >= REVIEW_BELOW ? "middle" : "low";
}
