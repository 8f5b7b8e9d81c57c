CREATE TABLE words (word text PRIMARY KEY);
