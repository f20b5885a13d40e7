// Search results show an excerpt by fetching the page, which a browser refuses for file://.
if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
