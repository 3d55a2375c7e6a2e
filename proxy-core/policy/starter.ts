/** `git` with its global options, up to the subcommand; single quotes are doubled as YAML wants them. */
const GIT = String.raw`^git\s+(-[cC]\s+(''[^'']*''|\S+)\s+|--?[\w-]+(=(''[^'']*''|\S+))?\s+)*`;

/** The starter policy's name. */
export const STARTER_POLICY_NAME = 'default';

/**
 * The policy that a new installation starts with: *gate destructive actions*. It asks about what cannot be taken back and
 * lets everyday work pass, because a person who is asked too often stops reading. Command patterns are written for the canonical
 * readings of `shell-commands.ts`: each begins with the program's plain name, and a `;` outside quotes never occurs.
 *
 * What it cannot see: programs written to a file and run later, deletions inside another language's code beyond the plain
 * calls, git aliases, and whatever a process does by itself. On a personal machine it is advisory.
 */
export const STARTER_POLICY = String.raw`# Gate destructive actions
policy: default
budget: { run_usd: 5, alert_at: [0.8], on_unpriced: block }
default: allow
rules:
  - rule: "rungate:operator"
    match: { action.touches: { $in: [rungate_home, rungate_command, rungate_process, rungate_console] } }
    action: block
    message: "Agents may not operate Rungate or touch its files."
    recover: "Leave approvals, budgets and policies to the operator and go on with the task."

  - rule: "rungate:base-url"
    match: { action.touches: { $contains: client_base_url } }
    action: block
    message: "Agents may not change where they send their model calls."
    recover: "Keep the configured base URL; ask the operator if it is wrong."

  - rule: "call:unreadable"
    match: { $or: [{ action.command: "" }, { action.path: "" }, { action.touches: { $contains: unread } }] }
    action: gate
    message: "Rungate cannot read what this call would do, because its arguments are computed or malformed."
    recover: "Write the command or path as a plain literal."

  - rule: "shell:delete"
    match:
      $or:
        - action.command:
            $regex: '^rm\s(.*\s)?(-[a-zA-Z]*[rR][a-zA-Z]*|--recursive|--no-preserve-root)(\s|$)'
            $not: { $regex: '^rm\s+(--?[\w-]+\s+)+((((\./)?(\.?[\w@-][\w@.-]*/)*|/(home|Users|workspaces?|app|repo|src)/(\.?[\w@-][\w@.-]*/)*)(node_modules|dist|build|out|target|coverage|\.next|\.nuxt|\.turbo|\.cache|\.parcel-cache|\.vite|__pycache__|\.pytest_cache|\.mypy_cache|\.ruff_cache|\.venv|venv|\.tox|\.gradle|\.nyc_output|tmp|temp)/?|(/var)?/tmp/(\.?[\w@-][\w@.-]*/)*\.?[\w@-][\w@.-]*/?)(\s+|$))+([;&|].*)?$' }
        - action.command: { $regex: '^(rm|unlink)\s(.*\s)?(\.?/?\*|\.\.?/?|/|~/?|~/\*|\$HOME/?|\$\{HOME\}/?|/\*)(\s|$)' }
        - action.command: { $regex: '^(shred|wipe|srm|scrub|rimraf|trash-empty)\s' }
        - action.command:
            $regex: '^(find|fd|fdfind)\s(.*\s)?(-delete|(-exec|-execdir|-x|-X|--exec)\s+''?(rm|shred|unlink))(\s|$)'
            $not: { $regex: '^find\s.*-i?name\s+''?(\*\.(pyc|pyo|tmp|log|bak|orig|rej|swp|o|class|tsbuildinfo)|__pycache__|\.DS_Store)''?\s' }
        - action.command: { $regex: '${GIT}clean\s(.*\s)?(-[a-zA-Z]*f[a-zA-Z]*|--force)(\s|$)' }
        - action.command: { $regex: '${GIT}(reset\s(.*\s)?--hard|stash\s+(drop|clear)|(checkout|restore)\s+((--\s+)?\.|--worktree\s+\.|-f|--force)|worktree\s+remove\s(.*\s)?(-f|--force))(\s|$)' }
        - action.command: { $regex: '(?i)^(remove-item|del|rd|rmdir|erase|ri)\s(.*\s)?(-recurse|-r|/s|-force)(\s|$)' }
        - action.command: { $regex: '^(python[\d.]*|node|deno|bun|perl|ruby|php)\s.*(rmtree|rmSync|rmdirSync|rm_rf|rimraf|remove_tree|FileUtils\.rm|rm\s+-[a-zA-Z]*[rR])' }
        - tool: { $regex: '(?i)(^|_)(delete|remove|rm)_?(directory|folder|tree|dir|all)' }
    action: gate
    message: "Recursive deletes and discarded changes cannot be taken back."
    recover: "Delete single files by name, or leave the files where they are."

  - rule: "git:rewrite-remote"
    match:
      $or:
        - action.command: { $regex: '${GIT}push\s(.*\s)?(-[a-zA-Z]*[fd][a-zA-Z]*|--force(-with-lease|-if-includes)?(=\S*)?|--mirror|--delete|--prune|''?[+:][\w/.@^{}-]+''?)(\s|$)' }
        - action.command: { $regex: '${GIT}(filter-branch|filter-repo|reflog\s+(expire|delete)|update-ref\s+-d|gc\s(.*\s)?--prune=(now|all))(\s|$)' }
        - action.command: { $regex: '^(bfg|git-filter-repo)(\s|$)' }
    action: gate
    message: "Rewriting or deleting published history affects everyone who uses the repository."
    recover: "Push a new commit or a new branch instead."

  - rule: "publish"
    match:
      $or:
        - action.command:
            $regex: '^(npm|pnpm|yarn|bun|lerna|changeset)\s(.*\s)?(publish|unpublish|deprecate|dist-tag\s+(add|rm))(\s|$)|^(cargo|poetry|uv|flit|hatch|pdm|vsce|ovsx|jsr|deno)\s(.*\s)?(publish|yank)(\s|$)|^(twine\s+upload|python[\d.]*\s+-m\s+twine\s+upload|gem\s+(push|yank)|dotnet\s+nuget\s+push|nuget\s+push|helm\s+push|pod\s+trunk\s+push|goreleaser\s+release)(\s|$)|^(mvn|mvnw|gradle|gradlew)\s(.*\s)?(deploy|publish\w*|release:perform)(\s|$)'
            $not: { $regex: '\s--dry-run(\s|$)' }
        - action.command: { $regex: '^(docker|podman|nerdctl|buildah|skopeo|crane)\s(.*\s)?(push|copy\s.*docker://|buildx?\s(.*\s)?--push)(\s|$)' }
        - action.command: { $regex: '^gh\s+(release\s+(create|delete|upload|edit)|pr\s+merge|repo\s+(delete|archive|rename|edit))(\s|$)' }
        - action.command: { $regex: '^(firebase|wrangler|fly|flyctl|netlify|eb|serverless|sls|cdk|gcloud\s+(app|run|functions))\s(.*\s)?(deploy|publish)(\s|$)|^vercel\s(.*\s)?(--prod|promote)(\s|$)|${GIT}push\s+(heroku|dokku|production|prod)(\s|$)' }
    action: gate
    message: "Published packages, images and releases are out of your hands."
    recover: "Prepare the release and let the operator publish it."

  - rule: "data:destroy"
    match:
      $or:
        - action.kind: sql
          action.command: { $regex: '(?is)\b(drop\s+(table|database|schema|view|materialized|index|user|role|column|type|function|trigger|sequence)|truncate\s+(table\s+)?[\w"\[.]|alter\s+table\s+\S+\s+drop\b|delete\s+from\s+[\w."\[\]\x60]+(\s+(as\s+)?\w+)?\s*(;|$|returning)|update\s+[\w."\[\]\x60]+\s+set\s+[^;]*\bwhere\s+(1\s*=\s*1|true)\b|delete\s+from\s+[^;]*\bwhere\s+(1\s*=\s*1|true)\b)' }
        - action.kind: sql
          action.command: { $regex: '(?is)^\s*update\s[^;]*;?\s*$', $not: { $regex: '(?is)\bwhere\b' } }
        - $and:
            - action.command: { $regex: '(?is)(^|\|\s*)(psql|mysql|mariadb|sqlite3|sqlcmd|clickhouse-client|clickhouse|duckdb|cockroach|bq|snowsql|sqlplus|usql|pgcli|mycli)\s' }
            - action.command: { $regex: '(?is)\b(drop\s+(table|database|schema|view|index|user|role)|truncate\s+(table\s+)?\w|alter\s+table\s+\S+\s+drop\b|delete\s+from\s+[\w."\[\]\x60]+\s*(;|''|$))' }
        - action.command: { $regex: '(?i)^(dropdb|dropuser)\s|^redis-cli\s.*flush(all|db)|^(mongosh|mongo)\s.*(dropDatabase|\.drop\(|deleteMany\(\s*\{\s*\}|remove\(\s*\{\s*\})' }
        - action.command: { $regex: '^(\S*\s+)?prisma\s+(migrate\s+reset|db\s+push\s(.*\s)?--(force-reset|accept-data-loss))|^(rails|rake|bin/rails|bundle\s+exec\s+ra(ils|ke))\s+db:(drop|reset|purge|schema:load)|manage\.py\s+(flush|reset_db|sqlflush)|artisan\s+(migrate:(fresh|reset|refresh)|db:wipe)|^alembic\s+downgrade\s+base|^supabase\s+db\s+reset|^(sequelize|typeorm|drizzle-kit|knex|mikro-orm)\s.*(db:drop|schema:drop|drop|rollback\s+--all)(\s|$)' }
        - tool: { $regex: '(?i)(^|_)(drop|truncate|wipe|purge|destroy|delete)_?(table|database|collection|schema|index|bucket|keyspace|project|cluster|namespace|repo|repository|branch|account|user|customer|volume|instance|server|environment)s?($|_)' }
    action: gate
    message: "Dropped or emptied data comes back only from a backup."
    recover: "Narrow the statement with WHERE, or work on a copy."

  - rule: "infrastructure:destroy"
    match:
      $or:
        - action.command: { $regex: '^(terraform|tofu|terragrunt|pulumi|cdk|cdktf|sls|serverless|copilot|sam|eksctl)\s(.*\s)?(destroy|delete|remove|rm|down)(\s|$)|^(terraform|tofu|terragrunt)\s(.*\s)?(apply\s(.*\s)?-{1,2}auto-approve|state\s+rm|workspace\s+delete)(\s|$)' }
        - action.command: { $regex: '^(kubectl|oc)\s(.*\s)?(delete|drain|replace\s(.*\s)?--force)(\s|$)|^helm\s(.*\s)?(uninstall|delete)(\s|$)' }
        - action.command: { $regex: '^aws\s(.*\s)?((delete|terminate|remove|purge|deregister|destroy|stop|schedule-key-deletion)-?[\w-]*|s3\s+(rb|rm|sync\s(.*\s)?--delete))(\s|$)|^(gsutil|rclone)\s(.*\s)?(rm|rb|delete|purge|rsync\s(.*\s)?-d)(\s|$)' }
        - action.command: { $regex: '^(gcloud|az|doctl|heroku|fly|flyctl|linode-cli|hcloud|scw|oci|ibmcloud|vultr-cli|railway)\s(.*\s)?(\S+:)?(delete|destroy|purge|rm|remove)(\s|$)|^(gh|glab)\s+(repo|secret|variable|environment|issue|label|gist|run)\s+delete(\s|$)' }
        - action.command: { $regex: '^(docker|podman)\s(.*\s)?(prune|volume\s+(rm|remove)|compose\s(.*\s)?down\s(.*\s)?(-v|--volumes|--rmi))(\s|$)|^docker-compose\s(.*\s)?down\s(.*\s)?(-v|--volumes)(\s|$)' }
        - action.kind: http
          args.method: { $regex: '(?i)^\s*delete\s*$' }
    action: gate
    message: "Destroyed infrastructure takes its data with it."
    recover: "Show the plan and let the operator apply it."

  - rule: "shell:remote-code"
    match:
      $or:
        - action.command: { $regex: '(?s)^(curl|wget|fetch|http|https|aria2c|base64|xxd|openssl|nc|ncat|ftp|scp)\s(.*[^|])?\|\s*(sudo\s+(-\S+\s+)*)?(env\s+)?(\S*/)?((ba|z|da|k|a|fi)?sh|python[\d.]*|node|perl|ruby|php)(\s|$)' }
        - action.command: { $regex: '(?s)[^|]\|\s*(sudo\s+(-\S+\s+)*)?(\S*/)?(ba|z|da|k|a|fi)?sh(\s+-[a-z]+)*(\s+-)?\s*$' }
        - action.command: { $regex: '(?s)^((ba|z|da|k|a|fi)?sh|eval|source|\.|python[\d.]*|node|perl|ruby)\s.*[$<]\(\s*(curl|wget|fetch|base64|xxd|openssl|printf|echo)\b' }
        - action.command: { $regex: '(?i)\b(iwr|irm|curl|invoke-webrequest|invoke-restmethod|downloadstring)\b.*(\|\s*(iex|invoke-expression)\b)|(?i)\biex\s*\(' }
    action: gate
    message: "Code from the network or from an encoded text would run unread."
    recover: "Download it to a file, show it, and ask before running it."

  - rule: "shell:computed"
    match: { action.command: { $regex: '^(\$[A-Za-z_{][^/\s]*(\s|$)|''\$[({].*|[^\s''\[]*[*?][^\s'']*\s)' } }
    action: gate
    message: "The program's name is computed, so that the command cannot be judged."
    recover: "Write the program's name plainly."

  - rule: "shell:privilege"
    match: { action.command: { $regex: '^(sudo|doas|su|pkexec|runas|gsudo)(\s|$)' } }
    action: gate
    message: "Commands with another user's rights can change the whole machine."
    recover: "Do it without sudo, or ask the operator to run it."

  - rule: "system:disk"
    match:
      $or:
        - action.command: { $regex: '^(mkfs[.\w]*|mke2fs|fdisk|sfdisk|gdisk|sgdisk|parted|wipefs|blkdiscard|mkswap|lvremove|vgremove|pvremove|cryptsetup|shutdown|reboot|halt|poweroff)(\s|$)|^dd\s(.*\s)?of=/dev/|^diskutil\s+(erase|partition|apfs\s+delete)|^zpool\s+(destroy|labelclear)|^(?i:format)\s+[A-Za-z]:' }
        - action.command: { $regex: '^(chmod|chown|chgrp)\s(.*\s)?(-[a-zA-Z]*R[a-zA-Z]*|--recursive)\s(.*\s)?(/|~/?|\$HOME/?|/(etc|usr|bin|var|lib|home|opt)/?)(\s|$)' }
        - action.command: { $regex: ':\s*\(\)\s*\{' }
        - action.command: { $regex: '^crontab\s+(-r|-|[^-\s]\S*)(\s|$)|^(systemctl|launchctl)\s(.*\s)?(disable|mask|enable|unload|load|bootstrap|bootout)(\s|$)' }
    action: gate
    message: "This changes disks, permissions or services of the whole machine."
    recover: "Stay within the project folder."

  - rule: "write:outside"
    match:
      $or:
        - action.path: { $regex: '(?i)^(/private)?/(etc|usr|bin|sbin|boot|lib|lib64|sys|proc|dev|System|Library|var/(lib|spool|log|db))(/|$)|^[a-z]:/(windows|program files|programdata)' }
        - action.path: { $regex: '(^|/)\.(ssh|aws|gnupg|kube|azure|docker)/|(^|/)\.config/(gcloud|gh|autostart|systemd|fish)/|(^|/)\.(bashrc|bash_profile|bash_login|bash_aliases|bash_logout|zshrc|zprofile|zshenv|zlogin|profile|netrc|pypirc|gitconfig|git-credentials|pgpass)$|^(~|\$HOME|\$\{HOME\}|/home/[^/]+|/Users/[^/]+|/root)/\.(npmrc|yarnrc|vimrc)$|/Library/Launch(Agents|Daemons)/|(^|/)\.git/(hooks/|config$)|/Start Menu/Programs/Startup/' }
        - action.path: { $regex: '^\.\./' }
        - action.command: { $regex: '^(cp|mv|ln|install|rsync|scp)\s.*\s''?((/private)?/(etc|usr|bin|sbin|boot|lib|lib64|sys|dev|System|Library)/|(\S*/)?\.(ssh|aws|gnupg|kube)/|\S*/?\.(bashrc|bash_profile|zshrc|zprofile|zshenv|profile|netrc|gitconfig)''?$|\S*\.git/hooks/)\S*$' }
        - action.command: { $regex: '^(sed\s(.*\s)?(-[a-zA-Z]*i\S*|--in-place\S*)|truncate|chmod|chown|touch|mkdir)\s(.*\s)?''?((/private)?/(etc|usr|bin|sbin|boot|lib|lib64|sys|System|Library)/|(\S*/)?\.(ssh|aws|gnupg|kube)/|\S*/?\.(bashrc|bash_profile|zshrc|zprofile|zshenv|profile|netrc|gitconfig)''?(\s|$))' }
    action: gate
    message: "This writes outside the project: system files, credentials or start-up scripts."
    recover: "Write inside the project folder, or ask the operator to make the change."

  - rule: "agent:config"
    match: { action.touches: { $contains: agent_config } }
    action: gate
    message: "This changes what agents or the shell run by themselves: settings, hooks, plugins, MCP servers."
    recover: "Tell the operator what to set, or keep it in the project's own files."

  - rule: "mail:mass"
    match:
      $or:
        - tool: { $regex: '(?i)(bulk|mass|campaign|broadcast|newsletter|blast).{0,20}(mail|message|sms|send)|(send|schedule|create).{0,10}(bulk|mass|campaign|broadcast|newsletter|blast)' }
        - tool: { $regex: '(?i)(send|reply|forward|draft|compose|schedule).{0,12}(mail|message|sms)|(mail|gmail|outlook|sendgrid|mailgun|ses).{0,12}send' }
          args: { $regex: '(?s)(@[^@]+){10}@' }
        - action.command: { $regex: '(?s)^(mail|mailx|mutt|neomutt|sendmail|msmtp|swaks)\s(.*@){11}' }
    action: gate
    message: "A message to more than ten people cannot be called back."
    recover: "Send to fewer recipients, or let the operator send it."

  - rule: "money:move"
    match:
      $or:
        - tool: { $regex: '(?i)(issue|create|process|send|make|initiate|submit|confirm|capture|execute|approve|schedule|place)[_-]?(an?[_-]|the[_-]|full[_-]|partial[_-]|wire[_-]|bank[_-]|stripe[_-]|paypal[_-]|crypto[_-])*(refund|payment|payout|charge|transfer|wire|withdrawal|purchase|trade|order|invoice_payment)' }
        - tool: { $regex: '(?i)(^|__|\.)(refund|pay|charge|payout|withdraw|purchase|buy|checkout|transfer[_-]?(money|funds?|balance|usd|eur|to)|wire[_-]?(money|transfer|funds))($|[_-]|[A-Z])' }
        - action.command: { $regex: '^stripe\s(.*\s)?(refunds|payouts|charges|transfers|payment_intents|topups)\s+(create|confirm|capture)(\s|$)' }
    action: gate
    message: "Moving money needs a second pair of eyes."
    recover: "Prepare the payment and let the operator confirm it."
`;
