-- The rules every installation starts with, and the company the examples belong to.
INSERT INTO moderation_rules (category, pattern, severity) VALUES
  ('contact', '\m\+?[0-9][0-9 ()-]{7,}[0-9]\M', 'medium'),
  ('harassment', '\m(idiot|stupid|shut up)\M', 'medium'),
  ('money', '\m(western union|gift card|wire me)\M', 'high'),
  ('threat', '\m(hurt|kill) you\M', 'high');--> statement-breakpoint
INSERT INTO companies (slug, name) VALUES ('teei', 'The Educational Equality Institute');
