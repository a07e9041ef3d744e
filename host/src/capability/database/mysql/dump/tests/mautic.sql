-- A database like one of Mautic: 600,000 leads of 42 columns, most of them NULL, and 900,000 page hits; about 350 MB of dump.
-- The server makes it itself, the same each time, in some 30 s. For the tests (@leads = 6000, @hits = 9000) and for the bench.
-- Set before: @leads, @hits (each at most 1,000,000).
SET NAMES utf8mb4;
SET SESSION foreign_key_checks = 0, unique_checks = 0, sql_mode = '';
DROP TABLE IF EXISTS page_hits, leads, numbers;
CREATE TABLE numbers (n INT NOT NULL PRIMARY KEY) ENGINE = InnoDB;
INSERT INTO numbers
  SELECT a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d + 100000 * f.d + 1
  FROM (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) AS a,
       (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) AS b,
       (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) AS c,
       (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) AS d,
       (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) AS e,
       (SELECT 0 AS d UNION SELECT 1 UNION SELECT 2 UNION SELECT 3 UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7 UNION SELECT 8 UNION SELECT 9) AS f
  WHERE a.d + 10 * b.d + 100 * c.d + 1000 * d.d + 10000 * e.d + 100000 * f.d < GREATEST(@leads, @hits);
CREATE TABLE leads (
  id INT NOT NULL AUTO_INCREMENT,
  owner_id INT DEFAULT NULL,
  stage_id INT DEFAULT NULL,
  is_published TINYINT(1) NOT NULL,
  date_added DATETIME DEFAULT NULL,
  created_by INT DEFAULT NULL,
  created_by_user VARCHAR(191) DEFAULT NULL,
  date_modified DATETIME DEFAULT NULL,
  modified_by INT DEFAULT NULL,
  modified_by_user VARCHAR(191) DEFAULT NULL,
  checked_out DATETIME DEFAULT NULL,
  checked_out_by INT DEFAULT NULL,
  checked_out_by_user VARCHAR(191) DEFAULT NULL,
  points INT NOT NULL,
  last_active DATETIME DEFAULT NULL,
  internal LONGTEXT DEFAULT NULL COMMENT '(DC2Type:array)',
  social_cache LONGTEXT DEFAULT NULL COMMENT '(DC2Type:array)',
  date_identified DATETIME DEFAULT NULL,
  preferred_profile_image VARCHAR(191) DEFAULT NULL,
  title VARCHAR(191) DEFAULT NULL,
  firstname VARCHAR(191) DEFAULT NULL,
  lastname VARCHAR(191) DEFAULT NULL,
  company VARCHAR(191) DEFAULT NULL,
  position VARCHAR(191) DEFAULT NULL,
  email VARCHAR(191) DEFAULT NULL,
  phone VARCHAR(191) DEFAULT NULL,
  mobile VARCHAR(191) DEFAULT NULL,
  address1 VARCHAR(191) DEFAULT NULL,
  address2 VARCHAR(191) DEFAULT NULL,
  city VARCHAR(191) DEFAULT NULL,
  state VARCHAR(191) DEFAULT NULL,
  zipcode VARCHAR(191) DEFAULT NULL,
  timezone VARCHAR(191) DEFAULT NULL,
  country VARCHAR(191) DEFAULT NULL,
  fax VARCHAR(191) DEFAULT NULL,
  preferred_locale VARCHAR(191) DEFAULT NULL,
  attribution_date DATETIME DEFAULT NULL,
  attribution DOUBLE DEFAULT NULL,
  website VARCHAR(191) DEFAULT NULL,
  facebook VARCHAR(191) DEFAULT NULL,
  twitter VARCHAR(191) DEFAULT NULL,
  linkedin VARCHAR(191) DEFAULT NULL,
  PRIMARY KEY (id),
  KEY owner (owner_id),
  KEY stage (stage_id),
  KEY lead_email_search (email),
  KEY lead_date_added (date_added),
  KEY lead_points (points),
  KEY company_search (company),
  KEY country_search (country),
  KEY contact_attribution (attribution, attribution_date),
  KEY date_added_country_index (date_added, country)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci ROW_FORMAT = DYNAMIC;
INSERT INTO leads SELECT
  n, 1 + n % 7, IF(n % 5 = 0, n % 11, NULL), 1,
  '2019-01-01' + INTERVAL n * 97 SECOND, 1, NULL, IF(n % 3 = 0, '2020-02-02' + INTERVAL n * 31 SECOND, NULL), NULL, NULL,
  NULL, NULL, NULL, n * 7 % 900, IF(n % 2 = 0, '2021-03-03' + INTERVAL n * 13 SECOND, NULL), NULL, NULL,
  '2019-01-01' + INTERVAL n * 97 SECOND, NULL, ELT(1 + n % 4, 'Mr', 'Mrs', 'Dr', NULL),
  CONCAT(ELT(1 + n % 8, 'Ana', 'Björn', 'Chloé', 'Dmitri', 'Eve', 'Femke', 'Gül', 'Hiroshi'), SUBSTR(MD5(n), 1, 3)),
  CONCAT(ELT(1 + n % 6, 'O''Neill', 'Müller', 'García', 'Smith', 'Ivanov', 'Sato'), SUBSTR(MD5(n + 1), 1, 5)),
  CONCAT('Company ', SUBSTR(MD5(n % 20000), 1, 8), ELT(1 + n % 3, ' Ltd', ' GmbH', ' Inc')), NULL,
  CONCAT(SUBSTR(MD5(n), 1, 12), '.', n, '@', SUBSTR(MD5(n % 997), 1, 6), '.example'), IF(n % 4 = 0, CONCAT('+1 555 ', LPAD(n, 7, '0')), NULL), NULL,
  NULL, NULL, ELT(1 + n % 5, 'Springfield', 'Zürich', 'São Paulo', 'Lyon', 'Osaka'), NULL,
  IF(n % 2 = 0, LPAD(n % 99999, 5, '0'), NULL), NULL, ELT(1 + n % 5, 'United States', 'Switzerland', 'Brazil', 'France', 'Japan'), NULL, 'en',
  NULL, IF(n % 10 = 0, n / 7, NULL), IF(n % 6 = 0, CONCAT('https://', SUBSTR(MD5(n), 5, 9), '.example/'), NULL), NULL, NULL, NULL
  FROM numbers WHERE n <= @leads;
CREATE TABLE page_hits (
  id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT,
  page_id INT DEFAULT NULL,
  redirect_id INT DEFAULT NULL,
  email_id INT DEFAULT NULL,
  lead_id INT DEFAULT NULL,
  ip_id INT NOT NULL,
  date_hit DATETIME NOT NULL,
  date_left DATETIME DEFAULT NULL,
  country VARCHAR(191) DEFAULT NULL,
  region VARCHAR(191) DEFAULT NULL,
  city VARCHAR(191) DEFAULT NULL,
  code INT NOT NULL,
  referer LONGTEXT DEFAULT NULL,
  url LONGTEXT DEFAULT NULL,
  url_title VARCHAR(191) DEFAULT NULL,
  user_agent LONGTEXT DEFAULT NULL,
  tracking_id VARCHAR(191) NOT NULL,
  source VARCHAR(191) DEFAULT NULL,
  source_id INT DEFAULT NULL,
  PRIMARY KEY (id),
  KEY page (page_id),
  KEY lead (lead_id),
  KEY page_hit_tracking_search (tracking_id),
  KEY page_date_hit (date_hit),
  KEY date_hit_left_index (date_hit, date_left),
  CONSTRAINT hit_lead FOREIGN KEY (lead_id) REFERENCES leads (id) ON DELETE SET NULL
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_unicode_ci ROW_FORMAT = DYNAMIC;
INSERT INTO page_hits SELECT
  n, 1 + n % 50, NULL, IF(n % 3 = 0, n % 40, NULL), 1 + n % @leads, 1 + n % 5000,
  '2021-01-01' + INTERVAL n * 41 SECOND, IF(n % 2 = 0, '2021-01-01' + INTERVAL n * 41 + 30 SECOND, NULL),
  ELT(1 + n % 5, 'United States', 'Switzerland', 'Brazil', 'France', 'Japan'), NULL, NULL, 200,
  IF(n % 4 = 0, CONCAT('https://search.example/?q=', SUBSTR(MD5(n), 1, 10)), NULL),
  CONCAT('https://example.com/p', n % 50), NULL,
  NULL, SUBSTR(MD5(n % 300000), 1, 23), IF(n % 3 = 0, 'email', NULL), IF(n % 3 = 0, n % 40, NULL)
  FROM numbers WHERE n <= @hits;
DROP TABLE numbers;
