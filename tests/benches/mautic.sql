-- What the migrations of Mautic 3.0.2 come to on the database of this benchmark: the changes that Liftlock's stage makes, without its guards,
-- its looks for what is there already and its reading of PHP's values. The benchmark compares both ends.
SET NAMES utf8mb4;

ALTER TABLE webhooks ADD secret VARCHAR(255) DEFAULT NULL;
UPDATE webhooks SET secret = SHA2(UUID(), 256) WHERE secret IS NULL;
INSERT INTO migrations (version) VALUES ('20181111095447');

ALTER TABLE companies_leads DROP COLUMN manually_added, DROP COLUMN manually_removed;
INSERT INTO migrations (version) VALUES ('20191126093923');

CREATE TABLE sync_object_field_change_report (
  id int(10) unsigned NOT NULL AUTO_INCREMENT,
  integration varchar(191) COLLATE utf8_unicode_ci NOT NULL,
  object_id int(11) NOT NULL,
  object_type varchar(191) COLLATE utf8_unicode_ci NOT NULL,
  modified_at datetime NOT NULL COMMENT '(DC2Type:datetime)',
  column_name varchar(191) COLLATE utf8_unicode_ci NOT NULL,
  column_type varchar(191) COLLATE utf8_unicode_ci NOT NULL,
  column_value varchar(191) COLLATE utf8_unicode_ci NOT NULL,
  PRIMARY KEY (id),
  KEY object_composite_key (object_type, object_id, column_name),
  KEY integration_object_composite_key (integration, object_type, object_id, column_name),
  KEY integration_object_type_modification_composite_key (integration, object_type, modified_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci;
CREATE TABLE sync_object_mapping (
  id int(10) unsigned NOT NULL AUTO_INCREMENT,
  date_created datetime NOT NULL COMMENT '(DC2Type:datetime)',
  integration varchar(191) COLLATE utf8_unicode_ci NOT NULL,
  internal_object_name varchar(191) COLLATE utf8_unicode_ci NOT NULL,
  integration_reference_id varchar(191) COLLATE utf8_unicode_ci DEFAULT NULL,
  internal_object_id int(11) NOT NULL,
  integration_object_name varchar(191) COLLATE utf8_unicode_ci NOT NULL,
  integration_object_id varchar(191) COLLATE utf8_unicode_ci NOT NULL,
  last_sync_date datetime NOT NULL COMMENT '(DC2Type:datetime)',
  internal_storage longtext COLLATE utf8_unicode_ci NOT NULL COMMENT '(DC2Type:json_array)',
  is_deleted tinyint(1) NOT NULL,
  PRIMARY KEY (id),
  KEY internal_object (integration, internal_object_name, internal_object_id),
  KEY object_match (integration, internal_object_name, integration_object_name),
  KEY integration_last_sync_date (integration, last_sync_date),
  KEY integration_object (integration, integration_object_name, integration_object_id, integration_reference_id),
  KEY integration_reference (integration, integration_object_name, integration_reference_id, integration_object_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8 COLLATE=utf8_unicode_ci;
INSERT INTO migrations (version) VALUES ('20191219155630');

ALTER TABLE users DROP COLUMN online_status;
INSERT INTO migrations (version) VALUES ('20200211095409');

ALTER TABLE lead_devices DROP COLUMN device_fingerprint;
INSERT INTO migrations (version) VALUES ('20200212141530');

UPDATE categories SET bundle = 'messages' WHERE bundle = '0';
INSERT INTO migrations (version) VALUES ('20200220172041');

CREATE INDEX dnc_channel_id_search ON lead_donotcontact (channel_id);
INSERT INTO migrations (version) VALUES ('20200227110431');

-- The last one of each value is the key: in front of it the same letters may be part of a text.
UPDATE form_fields SET properties = REPLACE(properties, '}s:11:"empty_value";', '}s:11:"placeholder";') WHERE id = 2;
UPDATE form_fields SET properties = REPLACE(properties, '{s:11:"empty_value";', '{s:11:"placeholder";') WHERE id = 3;
UPDATE form_fields SET properties = REPLACE(properties, ';s:11:"empty_value";s:11:', ';s:11:"placeholder";s:11:') WHERE id = 6;
INSERT INTO migrations (version) VALUES ('20200302164801');

UPDATE lead_fields SET properties = 'a:1:{s:4:"list";a:4:{i:0;s:4:"Herr";i:1;s:4:"Frau";i:2;s:6:"Señor";i:3;s:3:"Mme";}}' WHERE alias = 'salutation';
UPDATE lead_fields SET properties = 'a:1:{s:4:"list";a:4:{i:0;a:2:{s:5:"label";s:3:"Rot";s:5:"value";s:3:"Rot";}i:1;a:2:{s:5:"label";s:5:"Grün";s:5:"value";s:5:"Grün";}i:2;a:2:{s:5:"label";s:15:"Türkis & Weiß";s:5:"value";s:15:"Türkis & Weiß";}i:3;a:2:{s:5:"label";s:3:"青";s:5:"value";s:3:"青";}}}' WHERE alias = 'colour';
UPDATE lead_fields SET properties = 'a:1:{s:4:"list";a:3:{i:0;a:2:{s:5:"label";s:6:"Möwen";s:5:"value";s:6:"Möwen";}i:1;a:2:{s:5:"label";s:9:"Schleusen";s:5:"value";s:9:"Schleusen";}i:2;a:2:{s:5:"label";s:15:"O''Hara "quoted"";s:5:"value";s:15:"O''Hara "quoted"";}}}' WHERE alias = 'interests';
INSERT INTO migrations (version) VALUES ('20200422144300');
