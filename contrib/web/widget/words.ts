/** words.ts - what the widget says, in the languages of the gateway's texts. {x} is put in. */

const en = {
    title: 'Chat', open: 'Open chat', close: 'Close chat', label: 'Your message',
    placeholder: 'Write a message', hint: 'Enter sends, Shift and Enter begin a new line.',
    send: 'Send', attach: 'Attach files', remove: 'Remove {name}', files: 'Files to send',
    log: 'Conversation', you: 'You', assistant: 'AI assistant', person: 'Our team',
    note: 'Notice', ai: 'AI', connecting: 'Connecting\u2026', online: 'Online',
    offline: 'No connection. What you write is kept and sent as soon as it is back.',
    sending: 'Sending\u2026', sent: 'Sent', delivered: 'Delivered', read: 'Read',
    unsent: 'Not sent: {why}', typing: '{name} is typing', waiting: 'Waiting for a person',
    position: 'You are number {n}', wait: 'about {n} min', leave: 'Leave the queue', end: 'End chat',
    ended: 'This chat has ended.', again: 'New chat', rate: 'How was it?', score: '{n} of 5',
    comment: 'Anything you would like to add?', submit: 'Send rating', thanks: 'Thank you.',
    over: 'Your earlier chat is over. This is a new one.',
    elsewhere: 'This chat goes on in another tab.', refused: 'The connection was refused.',
    resume: 'Continue here', fresh: 'New messages', choices: 'Choices',
    many: 'At most {n} files go with a message.', large: 'it is larger than {size}',
    lost: 'the connection was lost', begin: 'Write a message to begin.', unread: '{n} new',
};
export type Words = Record<keyof typeof en, string>;

const all: Record<string, Words> = {
    en,
    da: {
        title: 'Chat', open: 'Åbn chat', close: 'Luk chat', label: 'Din besked',
        placeholder: 'Skriv en besked', hint: 'Enter sender, Shift og Enter giver en ny linje.',
        send: 'Send', attach: 'Vedhæft filer', remove: 'Fjern {name}', files: 'Filer, der sendes',
        log: 'Samtale', you: 'Dig', assistant: 'AI-assistent', person: 'Vores team',
        note: 'Meddelelse', ai: 'AI', connecting: 'Forbinder…', online: 'Online',
        offline: 'Ingen forbindelse. Det, du skriver, gemmes og sendes, så snart den er tilbage.',
        sending: 'Sender…', sent: 'Sendt', delivered: 'Leveret', read: 'Læst',
        unsent: 'Ikke sendt: {why}', typing: '{name} skriver', waiting: 'Venter på en medarbejder',
        position: 'Du er nummer {n}', wait: 'cirka {n} min.', leave: 'Forlad køen', end: 'Afslut chat',
        ended: 'Chatten er afsluttet.', again: 'Ny chat', rate: 'Hvordan gik det?', score: '{n} af 5',
        comment: 'Vil du tilføje noget?', submit: 'Send bedømmelse', thanks: 'Tak.',
        over: 'Din tidligere chat er slut. Dette er en ny.',
        elsewhere: 'Chatten fortsætter i en anden fane.', refused: 'Forbindelsen blev afvist.',
        resume: 'Fortsæt her', fresh: 'Nye beskeder', choices: 'Valgmuligheder',
        many: 'Højst {n} filer kan sendes med en besked.', large: 'den er større end {size}',
        lost: 'forbindelsen blev afbrudt', begin: 'Skriv en besked for at begynde.', unread: '{n} nye',
    },
    de: {
        title: 'Chat', open: 'Chat öffnen', close: 'Chat schließen', label: 'Ihre Nachricht',
        placeholder: 'Nachricht schreiben',
        hint: 'Enter sendet, Umschalt und Enter beginnen eine neue Zeile.', send: 'Senden',
        attach: 'Dateien anhängen', remove: '{name} entfernen', files: 'Dateien zum Senden',
        log: 'Unterhaltung', you: 'Sie', assistant: 'KI-Assistent', person: 'Unser Team',
        note: 'Hinweis', ai: 'KI', connecting: 'Verbindung wird aufgebaut…', online: 'Online',
        offline: 'Keine Verbindung. Was Sie schreiben, bleibt erhalten und wird danach gesendet.',
        sending: 'Wird gesendet…', sent: 'Gesendet', delivered: 'Zugestellt', read: 'Gelesen',
        unsent: 'Nicht gesendet: {why}', typing: '{name} schreibt', waiting: 'Warten auf einen Menschen',
        position: 'Sie sind Nummer {n}', wait: 'etwa {n} Min.', leave: 'Warteschlange verlassen',
        end: 'Chat beenden', ended: 'Dieser Chat ist beendet.', again: 'Neuer Chat',
        rate: 'Wie war es?', score: '{n} von 5', comment: 'Möchten Sie etwas ergänzen?',
        submit: 'Bewertung senden', thanks: 'Vielen Dank.',
        over: 'Ihr früherer Chat ist zu Ende. Dies ist ein neuer.',
        elsewhere: 'Dieser Chat geht in einem anderen Tab weiter.',
        refused: 'Die Verbindung wurde abgelehnt.', resume: 'Hier fortsetzen',
        fresh: 'Neue Nachrichten', choices: 'Auswahl',
        many: 'Mit einer Nachricht gehen höchstens {n} Dateien.', large: 'sie ist größer als {size}',
        lost: 'die Verbindung ist abgerissen', begin: 'Schreiben Sie eine Nachricht.', unread: '{n} neu',
    },
    es: {
        title: 'Chat', open: 'Abrir el chat', close: 'Cerrar el chat', label: 'Su mensaje',
        placeholder: 'Escriba un mensaje', hint: 'Intro envía; Mayús e Intro empiezan otra línea.',
        send: 'Enviar', attach: 'Adjuntar archivos', remove: 'Quitar {name}',
        files: 'Archivos por enviar', log: 'Conversación', you: 'Usted', assistant: 'Asistente de IA',
        person: 'Nuestro equipo', note: 'Aviso', ai: 'IA', connecting: 'Conectando…', online: 'En línea',
        offline: 'Sin conexión. Lo que escriba se guarda y se envía en cuanto vuelva.',
        sending: 'Enviando…', sent: 'Enviado', delivered: 'Entregado', read: 'Leído',
        unsent: 'No enviado: {why}', typing: '{name} está escribiendo',
        waiting: 'Esperando a una persona', position: 'Usted es el número {n}', wait: 'unos {n} min',
        leave: 'Dejar la cola', end: 'Terminar el chat', ended: 'Este chat ha terminado.',
        again: 'Nuevo chat', rate: '¿Qué tal ha ido?', score: '{n} de 5',
        comment: '¿Desea añadir algo?', submit: 'Enviar valoración', thanks: 'Gracias.',
        over: 'Su chat anterior ha terminado. Este es nuevo.',
        elsewhere: 'Este chat continúa en otra pestaña.', refused: 'Se rechazó la conexión.',
        resume: 'Continuar aquí', fresh: 'Mensajes nuevos', choices: 'Opciones',
        many: 'Con un mensaje van como máximo {n} archivos.', large: 'es mayor que {size}',
        lost: 'se perdió la conexión', begin: 'Escriba un mensaje para empezar.', unread: '{n} nuevos',
    },
    fr: {
        title: 'Chat', open: 'Ouvrir le chat', close: 'Fermer le chat', label: 'Votre message',
        placeholder: 'Écrivez un message',
        hint: 'Entrée envoie, Maj et Entrée commencent une nouvelle ligne.', send: 'Envoyer',
        attach: 'Joindre des fichiers', remove: 'Retirer {name}', files: 'Fichiers à envoyer',
        log: 'Conversation', you: 'Vous', assistant: 'Assistant IA', person: 'Notre équipe',
        note: 'Information', ai: 'IA', connecting: 'Connexion…', online: 'En ligne',
        offline: 'Pas de connexion. Ce que vous écrivez est gardé et sera envoyé à son retour.',
        sending: 'Envoi…', sent: 'Envoyé', delivered: 'Remis', read: 'Lu',
        unsent: 'Non envoyé : {why}', typing: '{name} écrit', waiting: 'En attente d’une personne',
        position: 'Vous êtes numéro {n}', wait: 'environ {n} min', leave: 'Quitter la file',
        end: 'Terminer le chat', ended: 'Ce chat est terminé.', again: 'Nouveau chat',
        rate: 'Comment cela s’est-il passé ?', score: '{n} sur 5',
        comment: 'Souhaitez-vous ajouter quelque chose ?', submit: 'Envoyer la note', thanks: 'Merci.',
        over: 'Votre chat précédent est terminé. En voici un nouveau.',
        elsewhere: 'Ce chat continue dans un autre onglet.', refused: 'La connexion a été refusée.',
        resume: 'Continuer ici', fresh: 'Nouveaux messages', choices: 'Choix',
        many: 'Un message porte au plus {n} fichiers.', large: 'il dépasse {size}',
        lost: 'la connexion est perdue', begin: 'Écrivez un message pour commencer.',
        unread: '{n} nouveaux',
    },
};

/** The words of the first of these locales that is known; English when none is. */
export function wordsFor(locales: readonly string[]): { words: Words; language: string } {
    for (const locale of locales) {
        const language = locale.toLowerCase().split(/[-_]/)[0]!;
        if (all[language]) return { words: all[language], language };
    }
    return { words: en, language: 'en' };
}

export const fill = (text: string, values: Record<string, string | number>): string =>
    text.replace(/\{(\w+)\}/g, (all, name) => String(values[name] ?? all));
