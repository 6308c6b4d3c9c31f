// Chromium opens no data URI of more than 2 MB in a frame, and the explorer is larger. So a page of the report is opened
// from a blob, which is made of it when it is first asked for.
for (const result of Object.values(results)) {
  if (result.mime_type !== "text/html") continue;
  const {data_uri} = result;
  let opened;
  Object.defineProperty(result, "data_uri", {get() {
    if (!opened) {
      const bytes = Uint8Array.from(atob(data_uri.slice(data_uri.indexOf(",") + 1)), (letter) => letter.charCodeAt(0));
      opened = URL.createObjectURL(new Blob([bytes], {type: "text/html;charset=utf-8"}));
    }
    return opened;
  }});
}
// Snakemake's buttons are pictures without a name.
new MutationObserver(() => {
  for (const row of document.querySelectorAll("#app nav tbody tr")) {
    const name = row.querySelector("td").textContent;
    const [show, about] = row.querySelectorAll("a");
    show?.setAttribute("aria-label", `Show ${name}`);
    about?.setAttribute("aria-label", `About ${name}`);
  }
  document.querySelector("#app iframe")?.setAttribute("title", "The page that was chosen");
}).observe(document.getElementById("app"), {childList: true, subtree: true});
