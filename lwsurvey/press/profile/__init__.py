"""What ``lwsurvey profile`` prints about any network."""
