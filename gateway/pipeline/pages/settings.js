// What is configured, as the gateway rendered it into the page (page_settings.hpp). Never a secret.
export const settings = JSON.parse(document.querySelector('meta[name="gatehouse-settings"]').content);
